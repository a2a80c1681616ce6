'use strict';

// Where RabbitMQ comes from: an installed server, else Debian's package (as root), else Docker, else one clear line.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

// Debian's and RPM's own copies of the scripts: /usr/sbin has a wrapper around them that changes user and redirects output.
const PACKAGED_BIN = '/usr/lib/rabbitmq/bin';
const POLICY = '/usr/sbin/policy-rc.d';
const NONE =
  'no RabbitMQ: set OXIPC_TEST_AMQP_URL to one, or install rabbitmq-server (Debian, Ubuntu: apt-get install rabbitmq-server), or start Docker';

function onPath(name) {
  // /usr/sbin is where Debian puts the server, and not on every user's PATH.
  const folders = [
    ...(process.env.PATH ?? '').split(':'),
    '/usr/local/sbin',
    '/usr/sbin',
    '/usr/local/bin',
    '/usr/bin',
  ];
  return folders.map((folder) => path.join(folder, name)).find((file) => fs.existsSync(file));
}

/** The user that the server runs as: `rabbitmq` where we are root and the package made that user, else ourselves. */
function serverUser() {
  if (process.getuid() !== 0) return null;
  const id = (flag) => spawnSync('id', [flag, 'rabbitmq'], { encoding: 'utf8' });
  const uid = id('-u');
  return uid.status === 0 ? { uid: Number(uid.stdout), gid: Number(id('-g').stdout) } : null;
}

function findInstalled() {
  const epmd = onPath('epmd');
  const folder = fs.existsSync(path.join(PACKAGED_BIN, 'rabbitmq-server'))
    ? PACKAGED_BIN
    : path.dirname(onPath('rabbitmq-server') ?? '/');
  const server = path.join(folder, 'rabbitmq-server');
  if (!epmd || !fs.existsSync(server)) return null;
  const ctl = path.join(folder, 'rabbitmqctl');
  return { kind: 'installed', label: `installed, ${server}`, server, ctl, epmd, user: serverUser() };
}

function canInstallPackage() {
  return process.getuid() === 0 && fs.existsSync('/etc/debian_version') && Boolean(onPath('apt-get'));
}

function aptGet(args) {
  const { status, error, stdout, stderr } = spawnSync(
    'apt-get',
    ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args],
    {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 64 << 20,
    },
  );
  if (status === 0) return;
  const lines = `${stdout}${stderr}`.trim().split('\n').slice(-4).join(' | ');
  throw new Error(`apt-get ${args.join(' ')}: ${error?.message ?? lines}`);
}

// The package starts a service on the standard ports. invoke-rc.d asks policy-rc.d first, and 101 forbids it.
function withoutStartingServices(work) {
  const mine = !fs.existsSync(POLICY);
  if (mine) fs.writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    work();
  } finally {
    if (mine) fs.rmSync(POLICY);
  }
}

function installPackage(progress) {
  progress('installing the package rabbitmq-server');
  aptGet(['update']);
  withoutStartingServices(() => aptGet(['install', '-y', '--no-install-recommends', 'rabbitmq-server']));
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
  if (canInstallPackage()) return installPackage(progress);
  if (dockerRuns()) return { kind: 'docker', label: 'in Docker' };
  throw new Error(NONE);
}

async function describe() {
  const installed = findInstalled();
  if (installed) return `a private node: ${installed.label}`;
  if (canInstallPackage()) return 'a private node, after installing the package rabbitmq-server';
  return dockerRuns() ? 'a container in Docker' : NONE;
}

module.exports = { describe, find };
