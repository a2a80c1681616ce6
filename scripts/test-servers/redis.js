'use strict';

// A private Redis on a UNIX socket.

const path = require('node:path');
const { canInstallPackages, installPackage, onPath } = require('../setup/debian');
const { ServerProcess } = require('./server-process');

const PACKAGE = 'redis-server';

/** Why there is none here and can be none, or false. */
function missing() {
  if (onPath('redis-server') || canInstallPackages()) return false;
  return `no redis-server on PATH, and not root on Debian, where the package ${PACKAGE} would be installed`;
}

/** Resolves with { path, stop() }. */
async function startRedis() {
  if (!onPath('redis-server')) installPackage(PACKAGE);
  const server = new ServerProcess(null);
  const socket = path.join(server.folder, 'redis.sock');
  const settings = { port: '0', unixsocket: socket, dir: server.folder, save: '', appendonly: 'no' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  try {
    await server.start(onPath('redis-server'), args, { ready: 'eady to accept connections', signal: 'KILL' });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { path: socket, stop: () => server.stop() };
}

module.exports = { missing, startRedis };
