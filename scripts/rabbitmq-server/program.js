'use strict';

// A RabbitMQ for tests and benchmarks. Nothing of it outlives this program.
//   scripts/rabbitmq exec [options] -- CMD…   runs CMD with OXIPC_TEST_AMQP_URL set, ends with its status
//   scripts/rabbitmq start [options]          prints where it listens as one line of JSON, runs until SIGINT or SIGTERM
//   scripts/rabbitmq where                    says what the two would use
// Options: --cluster N, --plugin NAME (repeatable), --config FILE (rabbitmq.conf lines to add), --tls

const { spawn } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { constants } = require('node:os');
const { parseArgs } = require('node:util');
const { startRabbitmq } = require('./index');
const { describe } = require('./installation');

const usage = 'usage: scripts/rabbitmq exec [options] -- CMD… | start [options] | where';

function readArguments(argv) {
  const separator = argv.indexOf('--');
  const own = separator === -1 ? argv : argv.slice(0, separator);
  const { values, positionals } = parseArgs({
    args: own,
    allowPositionals: true,
    options: {
      cluster: { type: 'string', default: '1' },
      plugin: { type: 'string', multiple: true, default: [] },
      config: { type: 'string' },
      tls: { type: 'boolean', default: false },
    },
  });
  const command = separator === -1 ? [] : argv.slice(separator + 1);
  const options = {
    cluster: Number(values.cluster),
    plugins: values.plugin,
    config: values.config ? readFileSync(values.config, 'utf8') : '',
    tls: values.tls,
  };
  return { verb: positionals[0], command, options };
}

async function open(options) {
  const given = process.env.OXIPC_TEST_AMQP_URL;
  if (given) return { url: given, nodes: [{ url: given }], tls: null, stop: async () => {} };
  return startRabbitmq({ ...options, progress: (line) => console.error(`rabbitmq: ${line}`) });
}

function run([file, ...args], url) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, OXIPC_TEST_AMQP_URL: url } });
    // The terminal sends Ctrl-C to CMD as well; what comes by kill is passed on. Either way its end is ours.
    process.on('SIGINT', () => {});
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : code));
  });
}

async function main() {
  const { verb, command, options } = readArguments(process.argv.slice(2));
  if (verb === 'where') {
    console.log(process.env.OXIPC_TEST_AMQP_URL ? 'the one OXIPC_TEST_AMQP_URL names' : await describe());
  } else if (verb === 'exec' && command.length > 0) {
    const rabbitmq = await open(options);
    try {
      process.exitCode = await run(command, rabbitmq.url);
    } finally {
      await rabbitmq.stop();
    }
  } else if (verb === 'start' && command.length === 0) {
    const rabbitmq = await open(options);
    console.log(JSON.stringify({ url: rabbitmq.url, nodes: rabbitmq.nodes, tls: rabbitmq.tls }));
    await new Promise((resolve) => {
      const keepAlive = setInterval(() => {}, 1 << 30);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
        process.on(signal, () => {
          clearInterval(keepAlive);
          resolve();
        });
      }
    });
    await rabbitmq.stop();
  } else {
    console.error(usage);
    process.exitCode = 2;
  }
}

main().catch((error) => {
  console.error(`rabbitmq: ${error.message}`);
  process.exitCode = 1;
});
