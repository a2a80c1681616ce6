'use strict';

// Where RabbitMQ comes from: an installed server, else Debian's package (as root), else Docker, else one clear line.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { canInstallPackages, installPackage, onPath, userNamed } = require('../setup/debian');

// Debian's and RPM's own copies of the scripts: /usr/sbin has a wrapper around them that changes user and redirects output.
const PACKAGED_BIN = '/usr/lib/rabbitmq/bin';
const NONE =
  'no RabbitMQ: set OXIPC_TEST_AMQP_URL to one, or install rabbitmq-server (Debian, Ubuntu: apt-get install rabbitmq-server), or start Docker';

function findInstalled() {
  const epmd = onPath('epmd');
  const folder = fs.existsSync(path.join(PACKAGED_BIN, 'rabbitmq-server'))
    ? PACKAGED_BIN
    : path.dirname(onPath('rabbitmq-server') ?? '/');
  const server = path.join(folder, 'rabbitmq-server');
  if (!epmd || !fs.existsSync(server)) return null;
  const ctl = path.join(folder, 'rabbitmqctl');
  return { kind: 'installed', label: `installed, ${server}`, server, ctl, epmd, user: userNamed('rabbitmq') };
}

function installRabbitmq(progress) {
  installPackage('rabbitmq-server', progress);
  const installed = findInstalled();
  if (!installed) throw new Error('apt-get installed rabbitmq-server, but it is nowhere to be found');
  return installed;
}

function dockerRuns() {
  return (
    Boolean(onPath('docker')) &&
    spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 20_000 }).status === 0
  );
}

async function find(progress = () => {}) {
  const installed = findInstalled();
  if (installed) return installed;
  if (canInstallPackages()) return installRabbitmq(progress);
  if (dockerRuns()) return { kind: 'docker', label: 'in Docker' };
  throw new Error(NONE);
}

async function describe() {
  const installed = findInstalled();
  if (installed) return `a private node: ${installed.label}`;
  if (canInstallPackages()) return 'a private node, after installing the package rabbitmq-server';
  return dockerRuns() ? 'a container in Docker' : NONE;
}

module.exports = { describe, find };
