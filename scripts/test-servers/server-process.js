'use strict';

// A server that a test starts: in a folder of its own, gone with the test, however that ends.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

// Ends the server when our end of its standard input closes, which the kernel does when we are killed.
const WITH_US =
  'exec 3<&0; signal=$1; shift; "$@" & server=$!; (read -r _ <&3; kill -s "$signal" $server) & wait $server';

class ServerProcess {
  #child;
  #output = '';

  constructor(user) {
    this.user = user;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-server-'));
    if (user) fs.chownSync(this.folder, user.uid, user.gid);
  }

  /** Starts the program and resolves when it has printed `ready`; `signal` ends it. */
  start(program, args, { ready, signal }) {
    this.#child = spawn('/bin/sh', ['-c', WITH_US, 'sh', signal, program, ...args], {
      ...this.user,
      cwd: this.folder,
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    });
    return new Promise((resolve, reject) => {
      const onOutput = (chunk) => {
        this.#output += chunk;
        if (this.#output.includes(ready)) resolve();
      };
      this.#child.stdout.on('data', onOutput);
      this.#child.stderr.on('data', onOutput);
      this.#child.on('error', reject);
      this.#child.on('close', (code, by) =>
        reject(new Error(`${program} ended with ${by ?? code}: ${this.#output}`)),
      );
    });
  }

  async stop() {
    if (this.#child && this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.stdin.end();
      await new Promise((resolve) => this.#child.once('close', resolve));
    }
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

module.exports = { ServerProcess };
