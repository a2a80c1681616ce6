// Libraries on top of amqplib, unchanged, on ours: `node --require oxipc/register`. All work while RabbitMQ is killed and
// started again, in the same outage.

const assert = require('node:assert/strict');
const { fork } = require('node:child_process');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { startRabbitmq } = require('../../scripts/rabbitmq-server');
const { ensurePackages } = require('../../scripts/setup/packages');
const { ownRabbitmq } = require('../support/rabbitmq');

const register = path.join(__dirname, '..', '..', 'lib', 'register.js');
const NAMES = ['amqp-connection-manager', 'rascal'];

class Client {
  events = [];
  #waiting = [];

  constructor(name, url) {
    this.name = name;
    this.child = fork(path.join(__dirname, 'programs', `${name}.js`), [url], {
      execArgv: ['--require', register],
    });
    this.child.on('message', (message) => {
      this.events.push(message);
      for (const check of this.#waiting.splice(0)) check();
    });
    this.ended = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve(signal ?? code)));
    this.ended.then((outcome) => {
      this.outcome = outcome;
      for (const check of this.#waiting.splice(0)) check();
    });
  }

  /** Resolves with the first message of that event. */
  async hears(event) {
    for (;;) {
      const found = this.events.find((message) => message.event === event);
      if (found) return found;
      if (this.outcome !== undefined)
        throw new Error(`${this.name} ended with ${this.outcome} before "${event}"`);
      await new Promise((resolve) => this.#waiting.push(resolve));
    }
  }
}

describe('libraries on top of amqplib', ownRabbitmq, () => {
  let rabbitmq;
  let clients = [];

  before(async () => {
    await ensurePackages(path.join('__test__', 'clients'));
    rabbitmq = await startRabbitmq();
    clients = NAMES.map((name) => new Client(name, rabbitmq.url));
    // A client that fails before the outage must not keep it from the others.
    await Promise.allSettled(clients.map((client) => client.hears('busy')));
    await rabbitmq.flush();
    await rabbitmq.kill('SIGKILL');
    await Promise.allSettled(clients.map((client) => client.hears('disconnect')));
    await rabbitmq.restart();
  });
  after(async () => {
    for (const client of clients) client.child.kill('SIGKILL');
    await rabbitmq?.stop();
  });

  for (const [index, name] of NAMES.entries()) {
    test(`${name} on ours receives all that was confirmed, through a killed RabbitMQ`, async () => {
      const client = clients[index];
      const { connects, confirmed, loaded } = await client.hears('done');
      assert.deepEqual(loaded, { ours: true, original: false });
      assert.ok(client.events.some(({ event }) => event === 'disconnect'));
      assert.equal(connects, 2);
      assert.ok(confirmed >= 600, `${confirmed} messages`);
      assert.equal(await client.ended, 0);
    });
  }
});
