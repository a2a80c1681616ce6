/**
 * Gives an unchanged program oxipc's modules by the originals' names, in CommonJS and in ES modules:
 *
 * ```sh
 * node --import oxipc/register app.js
 * node --require oxipc/register app.js
 * NODE_OPTIONS='--import oxipc/register' npm start
 * ```
 *
 * `child_process` and `net` (with and without `node:`), `amqplib` and `amqplib/callback_api` become oxipc's, in the process,
 * in its worker threads and in the Node processes that get its flags, wherever they start: the flags in `process.execArgv`
 * and `NODE_OPTIONS` are made to name the register by its absolute path. The environment variable `OXIPC_MODULES`
 * (a comma-separated list of `child_process`, `net` and `amqplib`) chooses some of them. Modules inside Node, such as `http`,
 * keep what they use.
 */
export {};
