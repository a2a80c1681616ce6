'use strict';

// The servers that suites expect on their standard ports of this machine.

const net = require('node:net');
const { startRabbitmq } = require('../rabbitmq-server');
const { startPostgres } = require('../test-servers/postgres');
const { startRedis } = require('../test-servers/redis');

async function redis() {
  const server = await startRedis();
  const port = await forward(6379, { path: server.path });
  return { env: {}, stop: () => Promise.all([port.close(), server.stop()]) };
}

async function postgres() {
  const server = await startPostgres();
  const port = await forward(5432, { path: `${server.folder}/.s.PGSQL.5432` });
  const env = { PGHOST: 'localhost', PGUSER: server.user, PGDATABASE: server.database };
  return { env, stop: () => Promise.all([port.close(), server.stop()]) };
}

async function rabbitmq() {
  const server = await startRabbitmq();
  const port = await forward(5672, { host: '127.0.0.1', port: Number(new URL(server.url).port) });
  return { env: {}, stop: () => Promise.all([port.close(), server.stop()]) };
}

/** Passes connections to a port of this machine on to where the server listens. */
function forward(port, target) {
  const open = new Set();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const other = net.connect({ ...target, allowHalfOpen: true });
    for (const end of [socket, other]) {
      open.add(end);
      end
        .on('close', () => open.delete(end))
        .on('error', () => [socket, other].map((each) => each.destroy()));
    }
    socket.pipe(other).pipe(socket);
  });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, () => {
      resolve({
        close() {
          for (const end of open) end.destroy();
          server.close();
        },
      });
    });
  });
}

const SERVERS = { postgres, rabbitmq, redis };

/** Resolves with `{ env, stop() }` for all of the named servers together. */
async function startServers(names = []) {
  const servers = [];
  for (const name of names) servers.push(await SERVERS[name]());
  return {
    env: Object.assign({}, ...servers.map((server) => server.env)),
    stop: () => Promise.all(servers.map((server) => server.stop())),
  };
}

module.exports = { startServers };
