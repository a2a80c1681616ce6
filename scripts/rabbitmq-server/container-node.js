'use strict';

// One RabbitMQ in Docker, for machines that have nothing else. A single node without TLS: clusters need the real thing.

const { execFile } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { speaksAmqp } = require('./amqp-probe');
const { freePort } = require('./free-port');

const IMAGE = 'rabbitmq:3';
const START_LIMIT_MS = 180_000;

function docker(...args) {
  return new Promise((resolve, reject) => {
    execFile('docker', args, { maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`docker ${args[0]}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
  });
}

class ContainerNode {
  tls = null;
  #name = `oxipc-rabbitmq-${randomBytes(6).toString('hex')}`;
  #port = 0;
  #folder = null;

  async start({ cluster = 1, config = '', plugins = [], tls = false }) {
    if (cluster > 1 || tls)
      throw new Error('clusters and TLS need an installed rabbitmq-server; Docker gives one plain node');
    this.#port = await freePort();
    this.#folder = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-rabbitmq-'));
    fs.chmodSync(this.#folder, 0o755);
    fs.writeFileSync(path.join(this.#folder, 'oxipc.conf'), `${config}\n`);
    fs.writeFileSync(path.join(this.#folder, 'enabled_plugins'), `[${plugins.join(',')}].\n`);
    const mount = (name, target) => ['-v', `${path.join(this.#folder, name)}:${target}:ro`];
    await docker(
      'run',
      ...['-d', '--name', this.#name, '-p', `127.0.0.1:${this.#port}:5672`],
      ...mount('oxipc.conf', '/etc/rabbitmq/conf.d/90-oxipc.conf'),
      ...mount('enabled_plugins', '/etc/rabbitmq/enabled_plugins'),
      IMAGE,
    );
    await this.#ready();
  }

  #ready() {
    return speaksAmqp(this.#port, START_LIMIT_MS, () => null);
  }

  describe() {
    return [
      {
        name: this.#name,
        port: this.#port,
        url: `amqp://127.0.0.1:${this.#port}`,
        tlsPort: null,
        tlsUrl: null,
      },
    ];
  }

  async kill(_index, signal) {
    await docker('kill', '--signal', signal, this.#name);
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await docker('wait', this.#name);
  }

  async restart() {
    await docker('restart', '--time', '0', this.#name);
    await this.#ready();
  }

  ctl(_index, args) {
    return docker('exec', this.#name, 'rabbitmqctl', '--quiet', ...args);
  }

  async stop() {
    if (this.#port) await docker('rm', '--force', '--volumes', this.#name);
    if (this.#folder) fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

module.exports = { ContainerNode };
