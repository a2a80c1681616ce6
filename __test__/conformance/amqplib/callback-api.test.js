'use strict';

// The callback API.

const { next, sideBySide, sideBySideAlone } = require('./side-by-side');
const { close, withPeer } = require('../../support/scripted-peer');

const called = (start) => new Promise((resolve) => start((...values) => resolve(values)));

const connect = (scenario, url = scenario.url) =>
  called((done) => scenario.callbackLibrary.connect(url, done)).then(([error, connection]) => {
    if (error) throw error;
    return connection;
  });

sideBySide('every method calls back with what the promise API resolves with', async (scenario) => {
  const connection = await connect(scenario);
  const [, channel] = await called((done) => connection.createChannel(done));
  const [queue, exchange] = ['queue', 'exchange'].map((name) => scenario.name(name));
  const call = async (label, start) => scenario.write(label, await called(start));
  await call('assertQueue', (done) => channel.assertQueue(queue, { exclusive: true }, done));
  await call('checkQueue', (done) => channel.checkQueue(queue, done));
  await call('assertExchange', (done) =>
    channel.assertExchange(exchange, 'direct', { durable: false }, done),
  );
  await call('checkExchange', (done) => channel.checkExchange(exchange, done));
  await call('bindQueue', (done) => channel.bindQueue(queue, exchange, 'key', {}, done));
  await call('unbindQueue', (done) => channel.unbindQueue(queue, exchange, 'key', {}, done));
  await call('bindExchange', (done) => channel.bindExchange('amq.fanout', exchange, 'key', {}, done));
  await call('unbindExchange', (done) => channel.unbindExchange('amq.fanout', exchange, 'key', {}, done));
  await call('prefetch', (done) => channel.prefetch(5, false, done));
  await call('recover', (done) => channel.recover(done));
  await call('get empty', (done) => channel.get(queue, {}, done));
  scenario.write(channel.sendToQueue(queue, Buffer.from('one'), { type: 't' }));
  let got;
  do [, got] = await called((done) => channel.get(queue, {}, done));
  while (!got);
  scenario.write(got);
  scenario.write(channel.nack(got) === channel, channel.ackAll() === channel, channel.nackAll() === channel);
  const consumed = called((onMessage) =>
    channel.consume(queue, onMessage, { noAck: true, consumerTag: 'c' }, (...values) =>
      scenario.write('consume', ...values),
    ),
  );
  channel.sendToQueue(queue, Buffer.from('two'));
  scenario.write(await consumed);
  await call('cancel', (done) => channel.cancel('c', done));
  await call('purgeQueue', (done) => channel.purgeQueue(queue, done));
  await call('deleteQueue', (done) => channel.deleteQueue(queue, {}, done));
  await call('deleteExchange', (done) => channel.deleteExchange(exchange, {}, done));
  // Without callbacks, and what is returned.
  scenario.write(channel.assertQueue(queue, { exclusive: true }) === channel);
  scenario.write(
    channel.assertExchange(exchange, 'fanout', { autoDelete: true, durable: false }) === channel,
  );
  await call('close', (done) => channel.close(done));
  await call('connection close', (done) => connection.close(done));
});

sideBySide('createChannel gives the channel at once, and confirm channels call back', async (scenario) => {
  const connection = await connect(scenario);
  const order = [];
  const plain = connection.createChannel((error, channel) => order.push(['plain', error, channel === plain]));
  const withOptions = connection.createChannel({ highWaterMark: 1 }, (error, channel) =>
    order.push(['options', error, channel === withOptions]),
  );
  scenario.write(typeof plain.assertQueue, plain.connection === connection.connection);
  const [, confirm] = await called((done) => connection.createConfirmChannel(done));
  scenario.write(order);
  const queue = scenario.name('confirm');
  await called((done) => confirm.assertQueue(queue, { exclusive: true }, done));
  scenario.write(await called((done) => confirm.sendToQueue(queue, Buffer.from('x'), {}, done)));
  confirm.publish('', queue, Buffer.from('y'));
  scenario.write(await called((done) => confirm.waitForConfirms(done)));
  const closed = next(confirm, 'close');
  confirm.on('error', (error) => scenario.write('error', error));
  confirm.publish(scenario.name('missing'), '', Buffer.from('z'), {}, (error) =>
    scenario.write('lost', error),
  );
  await closed;
  scenario.write(await called((done) => confirm.waitForConfirms(done)));
  await called((done) => connection.close(done));
});

sideBySide('errors come in the order reply, error, close, and later use throws', async (scenario) => {
  const connection = await connect(scenario);
  scenario.watch('connection', connection, ['error', 'close']);
  const [, channel] = await called((done) => connection.createChannel(done));
  scenario.watch('channel', channel, ['error', 'close']);
  const closed = next(channel, 'close');
  channel.checkQueue(scenario.name('missing'), (...values) => scenario.write('first', ...values));
  channel.checkQueue(scenario.name('second'), (...values) => scenario.write('second', ...values));
  await closed;
  await scenario.outcome('rpc', () => channel.checkQueue('q', () => {}));
  await scenario.outcome('publish', () => channel.sendToQueue('q', Buffer.from('')));
  await scenario.outcome('close', () => channel.close());
  await called((done) => connection.close(done));
  scenario.write(await called((done) => connection.close(done)));
  await scenario.outcome('createChannel', () => called((done) => connection.createChannel(done)));
});

sideBySide('wrong addresses throw or call back', async (scenario) => {
  const { callbackLibrary } = scenario;
  for (const address of ['blurble', 'http://localhost', { protocol: 'ftp' }]) {
    await scenario.outcome(address, () => called((done) => callbackLibrary.connect(address, done)));
  }
  const { hostname, port } = new URL(scenario.url);
  const wrong = { hostname, port: Number(port), username: 'guest', password: 'wrong' };
  scenario.write(await called((done) => callbackLibrary.connect(wrong, done)));
  scenario.write(await called((done) => callbackLibrary.connect(wrong, {}, done)));
});

sideBySideAlone('what a callback throws is the error of the connection', async (scenario) => {
  await withPeer(async (url, accept) => {
    const connecting = connect(scenario, url);
    await accept();
    const connection = await connecting;
    scenario.watch('connection', connection, ['error', 'close']);
    const closed = next(connection, 'close');
    connection.createChannel(() => {
      throw new TypeError('mine');
    });
    await closed;
  });
});

sideBySideAlone(
  'a throw in a listener of close or error goes to handler-error of the channel',
  async (scenario) => {
    await withPeer(async (url, accept) => {
      const connecting = connect(scenario, url);
      const peer = await accept();
      const connection = await connecting;
      connection.on('error', () => {});
      const [, channel] = await called((done) => connection.createChannel(done));
      channel.on('error', () => {
        throw new Error('in error');
      });
      channel.on('handler-error', (error, event) => scenario.write('handler-error', error, event));
      const closed = next(channel, 'close');
      peer.send(close(1, 404, 'gone'));
      await closed;
      await new Promise((resolve) => setImmediate(resolve));
    });
  },
);

sideBySide(
  'a channel made when the close of the connection has been answered ends with it',
  async (scenario) => {
    for (const create of ['createChannel', 'createConfirmChannel']) {
      const connection = await connect(scenario);
      scenario.watch('connection', connection, ['error', 'close']);
      const closed = next(connection, 'close');
      connection.close(() => {
        try {
          connection[create]((...values) => scenario.write(create, 'called back', ...values));
        } catch (error) {
          scenario.write(create, 'threw', error);
        }
      });
      await closed;
    }
  },
);

sideBySide('what is asked of a channel while its connection closes ends with it', async (scenario) => {
  const connection = await connect(scenario);
  const [, channel] = await called((done) => connection.createChannel(done));
  const closed = next(connection, 'close');
  connection.close();
  for (const label of ['first', 'second']) {
    try {
      channel.checkExchange('amq.direct', (...values) => scenario.write(label, 'called back', ...values));
    } catch (error) {
      scenario.write(label, 'threw', error);
    }
  }
  await closed;
});

sideBySide('a highWaterMark that is none is refused', async (scenario) => {
  const connection = await connect(scenario, `${scenario.url}?heartbeat=0`);
  for (const highWaterMark of [-1, 1.5, 'many', true, 0, NaN, null, 1]) {
    for (const create of ['createChannel', 'createConfirmChannel']) {
      const [error] = await called((done) => connection[create]({ highWaterMark }, done));
      scenario.write(create, highWaterMark, error);
    }
  }
  // amqplib cannot close it in order any more.
  connection.connection.stream.destroy();
});
