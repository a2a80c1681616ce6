'use strict';

// The caller's side of a private RabbitMQ. The nodes belong to keeper.js, a process of its own session, which ends them
// and removes their folders when the caller asks, exits, or is killed: its channel to us closes in all three cases.

const { fork } = require('node:child_process');
const path = require('node:path');

// RabbitMQ 3 answers a declaration before its log of them is written, which Erlang's disk_log may put off for 2 s.
const WRITE_DECLARATIONS = 'disk_log:sync(latest_log).';

/**
 * Starts a private RabbitMQ on free ports of 127.0.0.1, whatever OXIPC_TEST_AMQP_URL says: it may be killed.
 *
 * @param {object} [options]
 * @param {number} [options.cluster] Number of nodes that form one cluster (default 1).
 * @param {string} [options.config] Lines to add to rabbitmq.conf.
 * @param {string[]} [options.plugins] Plugins to enable.
 * @param {boolean} [options.tls] Also listen with TLS; certificates are made for the occasion.
 * @param {(line: string) => void} [options.progress] Told what takes time.
 * @returns {Promise<object>} `{ url, tls, nodes, flush, kill, restart, stop, ctl }`; each of `nodes` has `url`, `tlsUrl`, `name`,
 *   `flush()`, `kill(signal)`, `restart()` and `ctl(...args)`. Those on top act on the first node. `tls` has the paths `ca`, `cert`, `key`.
 *   `flush()` resolves once what was declared is written: a durable queue declared just before a SIGKILL may be lost without it.
 *   `kill()` resolves once the node's processes are gone (SIGSTOP and SIGCONT: once sent). `restart()` kills what still
 *   runs and starts the node again, same port, same data. `ctl` runs rabbitmqctl and resolves with its output.
 */
async function startRabbitmq(options = {}) {
  const { progress = () => {}, ...settings } = options;
  const keeper = fork(path.join(__dirname, 'keeper.js'), {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // The runner's variables would make a node:test child out of the keeper.
    env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: '' },
  });
  const ended = new Promise((resolve) => keeper.once('exit', resolve));
  const waiting = new Map();
  let lastId = 0;

  keeper.on('message', ({ id, progress: line, result, error }) => {
    if (line) return progress(line);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(result);
  });
  ended.then(() => {
    for (const { reject } of waiting.values()) reject(new Error('the keeper of the private RabbitMQ ended'));
    waiting.clear();
  });

  function call(method, ...args) {
    return new Promise((resolve, reject) => {
      if (!keeper.connected) return reject(new Error('this private RabbitMQ was stopped'));
      const id = ++lastId;
      waiting.set(id, { resolve, reject });
      keeper.send({ id, method, args });
    });
  }

  async function stop() {
    if (keeper.connected) keeper.disconnect();
    await ended;
  }

  try {
    const { nodes, tls } = await call('start', settings);
    const handles = nodes.map((node, index) => ({
      ...node,
      flush: () => call('ctl', index, 'eval', WRITE_DECLARATIONS),
      kill: (signal = 'SIGKILL') => call('kill', index, signal),
      restart: () => call('restart', index),
      ctl: (...args) => call('ctl', index, ...args),
    }));
    const [first] = handles;
    return { ...first, nodes: handles, tls, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

module.exports = { startRabbitmq };
