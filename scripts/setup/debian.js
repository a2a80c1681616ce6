'use strict';

// Programs that tests need: found where they are installed, else installed from Debian's packages (as root).

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const POLICY = '/usr/sbin/policy-rc.d';

function onPath(name) {
  // /usr/sbin is where Debian puts servers, and not on every user's PATH.
  const folders = [
    ...(process.env.PATH ?? '').split(':'),
    '/usr/local/sbin',
    '/usr/sbin',
    '/usr/local/bin',
    '/usr/bin',
  ];
  return folders.map((folder) => path.join(folder, name)).find((file) => fs.existsSync(file));
}

/** What to run a server as: the user that its package made, where we are root; else null, ourselves. */
function userNamed(name) {
  if (process.getuid() !== 0) return null;
  const id = (flag) => spawnSync('id', [flag, name], { encoding: 'utf8' });
  const uid = id('-u');
  return uid.status === 0 ? { uid: Number(uid.stdout), gid: Number(id('-g').stdout) } : null;
}

function canInstallPackages() {
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

// Packages start services on the standard ports. invoke-rc.d asks policy-rc.d first, and 101 forbids it.
function withoutStartingServices(work) {
  const mine = !fs.existsSync(POLICY);
  if (mine) fs.writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    work();
  } finally {
    if (mine) fs.rmSync(POLICY);
  }
}

/** Installs a package, without starting what is in it. */
function installPackage(name, progress = () => {}) {
  progress(`installing the package ${name}`);
  aptGet(['update']);
  withoutStartingServices(() => aptGet(['install', '-y', '--no-install-recommends', name]));
}

module.exports = { canInstallPackages, installPackage, onPath, userNamed };
