'use strict';

// One RabbitMQ node of an installed server: `down` until start(), again after kill(), and startable any number of times.

const { execFile, spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { speaksAmqp } = require('./amqp-probe');

// About 10 s on an idle 2-core machine; a loaded one must not fail for it.
const START_LIMIT_MS = 180_000;
const LOOPBACK = '{127,0,0,1}';

class ErlangNode {
  #installation;
  #settings;
  #folder;
  #child = null;
  #stopping = false;

  constructor(installation, settings) {
    this.#installation = installation;
    this.#settings = settings;
    this.#folder = path.join(settings.home, settings.name.split('@')[0]);
    fs.mkdirSync(this.#folder);
    fs.writeFileSync(this.#file('rabbitmq.conf'), this.#config());
    fs.writeFileSync(this.#file('enabled_plugins'), `[${settings.plugins.join(',')}].\n`);
  }

  #file(name) {
    return path.join(this.#folder, name);
  }

  #config() {
    const { port, tlsPort, config } = this.#settings;
    return [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      ...(tlsPort ? [`listeners.ssl.1 = 127.0.0.1:${tlsPort}`] : []),
      'log.file.level = info',
      config,
      '',
    ].join('\n');
  }

  #environment() {
    const { name, home, epmdPort, distributionPort, commandPort } = this.#settings;
    const { PATH, LANG = 'C.UTF-8' } = process.env;
    return {
      PATH: `${PATH}:/usr/sbin:/usr/bin:/sbin:/bin`,
      LANG,
      HOME: home,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(epmdPort),
      RABBITMQ_NODENAME: name,
      RABBITMQ_DIST_PORT: String(distributionPort),
      RABBITMQ_CTL_DIST_PORT_MIN: String(commandPort),
      RABBITMQ_CTL_DIST_PORT_MAX: String(commandPort),
      RABBITMQ_BASE: this.#folder,
      RABBITMQ_MNESIA_BASE: this.#file('data'),
      RABBITMQ_LOG_BASE: this.#file('log'),
      RABBITMQ_CONFIG_FILE: this.#file('rabbitmq.conf'),
      RABBITMQ_ADVANCED_CONFIG_FILE: this.#file('advanced.config'),
      RABBITMQ_GENERATED_CONFIG_DIR: this.#file('generated'),
      RABBITMQ_ENABLED_PLUGINS_FILE: this.#file('enabled_plugins'),
      RABBITMQ_PID_FILE: this.#file('pid'),
      RABBITMQ_SCHEMA_DIR: this.#file('schema'),
      // The machine's own settings must not reach a private node.
      RABBITMQ_CONF_ENV_FILE: this.#file('rabbitmq-env.conf'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-kernel inet_dist_use_interface ${LOOPBACK} -start_epmd false`,
      RABBITMQ_CTL_ERL_ARGS: `-kernel inet_dist_use_interface ${LOOPBACK} -start_epmd false`,
    };
  }

  describe() {
    const { name, port, tlsPort } = this.#settings;
    const tlsUrl = tlsPort ? `amqps://localhost:${tlsPort}` : null;
    return { name, port, url: `amqp://127.0.0.1:${port}`, tlsPort, tlsUrl };
  }

  async start() {
    const output = fs.openSync(this.#file('output'), 'a');
    let ended = null;
    // A group of its own: the script, beam.smp and its helpers go together.
    const child = spawn(this.#installation.server, [], {
      ...this.#installation.user,
      cwd: this.#folder,
      env: this.#environment(),
      detached: true,
      stdio: ['ignore', output, output],
    });
    fs.closeSync(output);
    child.on('error', (error) => (ended = error.message));
    child.on('exit', (code, signal) => (ended ??= `ended with ${signal ?? code}`));
    this.#child = child;
    this.#stopping = false;
    await speaksAmqp(
      this.#settings.port,
      START_LIMIT_MS,
      () =>
        ended && `the private RabbitMQ ${ended}: ${this.#stopping ? 'it was stopped' : this.#lastWords()}`,
    );
  }

  #lastWords() {
    const lines = fs.readFileSync(this.#file('output'), 'utf8').trim().split('\n');
    // The first complaint names the cause; what follows is Erlang's supervisors, one after another.
    const first = lines.findIndex((line) => /\[error\]/.test(line));
    return (first === -1 ? lines.slice(-12) : lines.slice(first, first + 12)).join('\n');
  }

  async kill(signal) {
    const group = this.#child?.pid;
    if (!group) return;
    this.#stopping = true;
    killGroup(group, signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return;
    await groupIsGone(group);
    this.#child = null;
  }

  ctl(args) {
    const { user, ctl } = this.#installation;
    const options = { ...user, cwd: this.#folder, env: this.#environment(), maxBuffer: 64 << 20 };
    return new Promise((resolve, reject) => {
      execFile(ctl, ['--quiet', ...args], options, (error, stdout, stderr) => {
        if (error) reject(new Error(`rabbitmqctl ${args.join(' ')}: ${stderr || stdout || error.message}`));
        else resolve(stdout);
      });
    });
  }
}

function killGroup(group, signal) {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Resolves when no process of the group is left (a zombie counts until it is reaped). */
async function groupIsGone(group) {
  for (;;) {
    try {
      process.kill(-group, 0);
    } catch (error) {
      if (error.code === 'ESRCH') return;
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

module.exports = { ErlangNode, groupIsGone, killGroup };
