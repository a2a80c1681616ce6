'use strict';

// A private PostgreSQL on a UNIX socket. It refuses to run as root: the package's user runs it then.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { canInstallPackages, installPackage, onPath, userNamed } = require('../setup/debian');
const { ServerProcess } = require('./server-process');

const PACKAGE = 'postgresql';
// Debian keeps the programs of each release apart, and off PATH.
const RELEASES = '/usr/lib/postgresql';
const USER = 'postgres';

function programs() {
  const releases = fs.existsSync(RELEASES) ? fs.readdirSync(RELEASES) : [];
  const folders = releases
    .sort((a, b) => Number(b) - Number(a))
    .map((name) => path.join(RELEASES, name, 'bin'));
  const linked = onPath('initdb');
  if (linked) folders.push(path.dirname(linked));
  return folders.find((folder) => fs.existsSync(path.join(folder, 'initdb')));
}

/** Why there is none here and can be none, or false. */
function missing() {
  if (programs() && (process.getuid() !== 0 || userNamed(USER))) return false;
  if (canInstallPackages()) return false;
  return `no usable initdb, and not root on Debian, where the package ${PACKAGE} would be installed`;
}

/** Resolves with { folder, user, database, stop() }; `folder` is where its UNIX socket lies, as `host` wants it. */
async function startPostgres() {
  if (!programs() || (process.getuid() === 0 && !userNamed(USER))) installPackage(PACKAGE);
  const bin = programs();
  const server = new ServerProcess(userNamed(USER));
  try {
    const data = path.join(server.folder, 'data');
    initialise(path.join(bin, 'initdb'), data, server);
    const settings = { listen_addresses: '', unix_socket_directories: server.folder, fsync: 'off' };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    await server.start(path.join(bin, 'postgres'), ['-D', data, ...args], {
      ready: 'ready to accept connections',
      signal: 'QUIT',
    });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { folder: server.folder, user: USER, database: 'postgres', stop: () => server.stop() };
}

function initialise(initdb, data, { user, folder }) {
  const args = ['-D', data, '-U', USER, '--auth=trust', '--locale=C', '--encoding=UTF8', '--no-sync'];
  const { status, error, stderr } = spawnSync(initdb, args, { ...user, cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`initdb: ${error?.message ?? stderr}`);
}

module.exports = { missing, startPostgres };
