// Publishes and consumes without end through rascal until the broker was away once, then finishes.

const { BrokerAsPromised: Broker } = require('rascal');
const { Count, loadedAmqplib, tell } = require('./report');

const [url] = process.argv.slice(2);
const name = 'clients.rascal';
const retry = { min: 500, max: 1000, factor: 1, strategy: 'linear' };
const config = {
  vhosts: {
    '/': {
      connection: { url, retry },
      exchanges: { [name]: { type: 'topic', options: { durable: true } } },
      queues: { [name]: { options: { durable: true } } },
      bindings: [`${name}[numbers.#] -> ${name}`],
      publications: { numbers: { exchange: name, routingKey: 'numbers.next', confirm: true } },
      subscriptions: { numbers: { queue: name, prefetch: 50, retry } },
    },
  },
};
const count = new Count();
let connects = 0;
let confirmedAfter = 0;

/** Resolves with whether the broker confirmed it. */
async function publish(broker, n) {
  const publication = await broker.publish('numbers', { n }, { options: { persistent: true } });
  return new Promise((resolve) => {
    publication.once('success', () => resolve(true));
    // Of a broken connection it tells more than once.
    for (const event of ['error', 'close', 'return']) publication.on(event, () => resolve(false));
  });
}

async function main() {
  const broker = await Broker.create(config);
  connects += 1;
  tell('connect');
  broker.on('error', (error) => tell('disconnect', { message: error.message }));
  broker.on('connect', () => {
    connects += 1;
    tell('connect');
  });
  const subscription = await broker.subscribe('numbers');
  subscription.on('message', (message, { n }, ackOrNack) => {
    count.receive(n);
    ackOrNack();
  });
  subscription.on('error', () => {});

  const isEnough = () => connects > 1 && confirmedAfter >= 300;
  for (let n = 0; !isEnough(); n++) {
    if (!(await publish(broker, n))) continue;
    count.confirmed.add(n);
    if (connects > 1) confirmedAfter += 1;
    if (count.confirmed.size === 300) tell('busy');
  }
  await count.complete();
  await broker.nuke();
  tell('done', { connects, confirmed: count.confirmed.size, loaded: loadedAmqplib() });
  process.disconnect();
}

main();
