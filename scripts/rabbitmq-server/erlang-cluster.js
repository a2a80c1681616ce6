'use strict';

// One or more RabbitMQ nodes of an installed server, with an epmd, a cookie and folders of their own, so that any number of
// them live side by side and beside the machine's own.

const { spawn } = require('node:child_process');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { ErlangNode, groupIsGone, killGroup } = require('./erlang-node');
const { freePort } = require('./free-port');
const { makeCertificates } = require('./certificates');

// The server may run as another user: every folder above ours must let it through.
function temporaryFolder() {
  const open = [os.tmpdir(), '/tmp', '/var/tmp'].find((folder) => {
    for (let at = folder; ; at = path.dirname(at)) {
      if (!fs.existsSync(at) || !(fs.statSync(at).mode & 0o001)) return false;
      if (at === path.dirname(at)) return true;
    }
  });
  return fs.mkdtempSync(path.join(open ?? os.tmpdir(), 'oxipc-rabbitmq-'));
}

class ErlangCluster {
  tls = null;
  #installation;
  #base = null;
  #epmd = null;
  #nodes = [];

  constructor(installation) {
    this.#installation = installation;
  }

  async start({ cluster = 1, config = '', plugins = [], tls = false }) {
    const { user } = this.#installation;
    this.#base = temporaryFolder();
    fs.chmodSync(this.#base, 0o755);
    if (tls) this.tls = makeCertificates(this.#base);
    const id = randomBytes(4).toString('hex');
    const names = Array.from({ length: cluster }, (_, index) => `oxipc-${id}-${index + 1}@localhost`);
    fs.writeFileSync(path.join(this.#base, '.erlang.cookie'), randomBytes(16).toString('hex'), {
      mode: 0o400,
    });
    const epmdPort = await freePort();
    this.#startEpmd(epmdPort);
    for (const name of names) {
      const node = new ErlangNode(this.#installation, {
        name,
        home: this.#base,
        epmdPort,
        port: await freePort(),
        tlsPort: tls ? await freePort() : null,
        distributionPort: await freePort(),
        commandPort: await freePort(),
        config: [config, ...this.#clusterConfig(names), ...this.#tlsConfig()].join('\n'),
        plugins,
      });
      this.#nodes.push(node);
    }
    if (user) await chownTree(this.#base, user);
    // The first forms the cluster, the others find it running and join.
    const [first, ...others] = this.#nodes;
    await first.start();
    await Promise.all(others.map((node) => node.start()));
  }

  // Foreground, as a child of ours: the daemon that `erl` would start by itself outlives every node.
  #startEpmd(port) {
    const { epmd, user } = this.#installation;
    this.#epmd = spawn(epmd, ['-address', '127.0.0.1', '-port', String(port)], {
      ...user,
      cwd: this.#base,
      detached: true,
      stdio: 'ignore',
    });
    this.#epmd.on('error', (error) => console.error(`rabbitmq: epmd: ${error.message}`));
  }

  #clusterConfig(names) {
    if (names.length === 1) return [];
    return [
      'cluster_formation.peer_discovery_backend = classic_config',
      ...names.map((name, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${name}`),
    ];
  }

  #tlsConfig() {
    if (!this.tls) return [];
    return [
      `ssl_options.cacertfile = ${this.tls.ca}`,
      `ssl_options.certfile = ${this.tls.serverCert}`,
      `ssl_options.keyfile = ${this.tls.serverKey}`,
      'ssl_options.verify = verify_peer',
      'ssl_options.fail_if_no_peer_cert = false',
    ];
  }

  describe() {
    return this.#nodes.map((node) => node.describe());
  }

  kill(index, signal) {
    return this.#nodes[index].kill(signal);
  }

  async restart(index) {
    await this.#nodes[index].kill('SIGKILL');
    await this.#nodes[index].start();
  }

  ctl(index, args) {
    return this.#nodes[index].ctl(args);
  }

  async stop() {
    await Promise.all(this.#nodes.map((node) => node.kill('SIGKILL')));
    if (this.#epmd?.pid) {
      killGroup(this.#epmd.pid, 'SIGKILL');
      await groupIsGone(this.#epmd.pid);
    }
    if (this.#base) fs.rmSync(this.#base, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function chownTree(folder, { uid, gid }) {
  fs.chownSync(folder, uid, gid);
  for (const entry of fs.readdirSync(folder, { recursive: true }))
    fs.chownSync(path.join(folder, entry), uid, gid);
}

module.exports = { ErlangCluster };
