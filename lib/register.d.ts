/**
 * Gives an unchanged program oxipc's modules by the originals' names, in CommonJS and in ES modules:
 *
 * ```sh
 * node --import oxipc/register app.js
 * node --require oxipc/register app.js
 * ```
 *
 * `child_process` and `net` (with and without `node:`), `amqplib` and `amqplib/callback_api` become oxipc's, in the process,
 * in its worker threads and in the processes that it forks (Node hands them its flags). Modules inside Node, such as `http`,
 * keep what they use, and so does `process.getBuiltinModule()`.
 */
export {};
