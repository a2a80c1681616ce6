'use strict';

// Owns the processes and folders of one private RabbitMQ (see index.js). Ends when its channel closes or on a signal,
// and takes everything with it.

const { ErlangCluster } = require('./erlang-cluster');
const { ContainerNode } = require('./container-node');
const { find } = require('./installation');

let rabbitmq = null;
let stopping = null;

const progress = (line) => process.connected && process.send({ progress: line });

const methods = {
  async start(options) {
    const installation = await find(progress);
    progress(
      `starting ${options.cluster > 1 ? `${options.cluster} nodes` : 'a node'} (${installation.label})`,
    );
    rabbitmq = installation.kind === 'docker' ? new ContainerNode() : new ErlangCluster(installation);
    await rabbitmq.start(options);
    return { nodes: rabbitmq.describe(), tls: rabbitmq.tls };
  },
  kill: (index, signal) => rabbitmq.kill(index, signal),
  restart: (index) => rabbitmq.restart(index),
  ctl: (index, ...args) => rabbitmq.ctl(index, args),
};

async function stop() {
  stopping ??= rabbitmq ? rabbitmq.stop() : Promise.resolve();
  await stopping.catch((error) => console.error(`rabbitmq: ${error.message}`));
  process.exit();
}

process.on('message', async ({ id, method, args }) => {
  let reply;
  try {
    reply = { id, result: (await methods[method](...args)) ?? null };
  } catch (error) {
    reply = { id, error: error.message };
  }
  if (process.connected) process.send(reply);
});
process.on('disconnect', stop);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
