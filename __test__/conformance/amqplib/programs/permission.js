'use strict';

// Opens connections without the permission to. argv: the module, that of the callback API, that of the broker or nothing.

const [, , promiseModule, callbackModule, brokerModule] = process.argv;
const { connect } = require(promiseModule);
const { connect: connectWithCallback } = require(callbackModule);

const found = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];
const lookup = (name, options, callback) =>
  options.all ? callback(null, found) : callback(null, found[0].address, 4);

const TARGETS = [
  ['amqp://127.0.0.1:1'],
  ['amqp://[::1]:1'],
  ['amqp://localhost:1'],
  ['amqps://127.0.0.1:1'],
  ['amqp://x.example:1', { lookup }],
];

function describe(value) {
  if (!(value instanceof Error)) return value;
  const fields = Object.keys(value).map((key) => [key, describe(value[key])]);
  const errors = value.errors?.map(describe);
  return { class: value.constructor.name, message: value.message, ...Object.fromEntries(fields), errors };
}

const print = (...facts) => console.log(JSON.stringify(facts.map(describe)));

async function main() {
  for (const [url, options] of TARGETS) {
    await connect(url, options).catch((error) => print(url, error));
    let moment = 'at once';
    await new Promise((resolve) => {
      connectWithCallback(url, options, (error) => resolve(print(url, moment, error)));
      moment = 'later';
    });
  }
  if (!brokerModule) return;
  const { createBroker } = require(brokerModule);
  for (const options of [{ port: 0 }, { path: 'broker.sock' }, { port: 0, host: 'localhost' }]) {
    await createBroker(options).catch((error) => print('broker', error));
  }
}

main();
