'use strict';

// request and respond: between each other, and with plain amqplib at either end.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { test } = require('node:test');

const original = require('amqplib');
const ours = require('../../lib/amqplib');
const { brokers } = require('../support/brokers');
const { cuttingProxy } = require('../support/cutting-proxy');
const { withPeer } = require('../support/scripted-peer');

/** `run(open, broker)`; what `open(library)` connects is closed afterwards. */
function onEach(name, run) {
  for (const broker of brokers) {
    test(`${name} (${broker.name})`, { skip: broker.skip }, async () => {
      const url = await broker.open();
      const connections = [];
      const open = async (library = ours) => {
        const connection = await library.connect(url);
        connections.push(connection);
        return connection.createChannel();
      };
      try {
        await run(open, url);
      } finally {
        for (const connection of connections) await connection.close().catch(() => {});
      }
    });
  }
}

const double = ({ content }) => Buffer.from(String(2 * Number(content)));
const exclusive = async (channel) => (await channel.assertQueue('', { exclusive: true })).queue;

onEach('every request gets its own reply, whatever the order', async (open) => {
  const [server, client] = [await open(), await open()];
  const queue = await exclusive(server);
  const waiting = [];
  // The first ten are answered backwards.
  const responder = await server.respond(queue, async (request) => {
    if (waiting.length < 10) {
      await new Promise((resolve) => {
        waiting.push(resolve);
        if (waiting.length === 10) for (const go of [...waiting].reverse()) go();
      });
    }
    return {
      content: double(request),
      contentType: 'text/plain',
      headers: { asked: request.content.toString() },
    };
  });
  const numbers = Array.from({ length: 200 }, (_, index) => index);
  const replies = await Promise.all(
    numbers.map((number) => client.request('', queue, Buffer.from(`${number}`), { contentType: 'number' })),
  );
  assert.deepEqual(
    replies.map(({ content }) => Number(content)),
    numbers.map((number) => 2 * number),
  );
  assert.equal(replies[3].properties.contentType, 'text/plain');
  assert.equal(replies[3].properties.headers.asked, '3');
  await responder.close();
  await responder.closed;
  assert.deepEqual(await server.checkQueue(queue), { queue, messageCount: 0, consumerCount: 0 });
});

onEach('a plain amqplib server answers our requests', async (open) => {
  const [server, client] = [await open(original), await open()];
  const queue = await exclusive(server);
  await server.consume(queue, (request) => {
    const { replyTo, correlationId } = request.properties;
    server.sendToQueue(replyTo, double(request), { correlationId });
    server.ack(request);
  });
  const { content } = await client.request('', queue, Buffer.from('21'));
  assert.equal(content.toString(), '42');
});

onEach('a plain amqplib client is answered, by direct reply-to and by a queue of its own', async (open) => {
  const [server, client] = [await open(), await open(original)];
  const queue = await exclusive(server);
  await server.respond(queue, double);
  for (const replyTo of ['amq.rabbitmq.reply-to', await exclusive(client)]) {
    const replied = new Promise((resolve) => client.consume(replyTo, resolve, { noAck: true }));
    // The consumer has to be there before the request.
    await client.prefetch(1);
    client.sendToQueue(queue, Buffer.from('4'), { replyTo, correlationId: 'mine' });
    const { content, properties } = await replied;
    assert.deepEqual([content.toString(), properties.correlationId], ['8', 'mine']);
  }
});

onEach('what a handler throws comes back as an error', async (open) => {
  const [server, client] = [await open(), await open()];
  const queue = await exclusive(server);
  await server.respond(queue, ({ content }) => {
    if (content.toString() === 'text') throw 'just text';
    if (content.toString() === 'wrong') return 'not a buffer';
    throw Object.assign(new RangeError('x'.repeat(5000)), { code: 'TOO_FAR' });
  });
  const failure = (text) => client.request('', queue, Buffer.from(text)).catch((error) => error);
  const error = await failure('far');
  assert.ok(error instanceof ours.RemoteError);
  assert.deepEqual(
    { name: error.name, remoteName: error.remoteName, code: error.code, length: error.message.length },
    { name: 'RemoteError', remoteName: 'RangeError', code: 'TOO_FAR', length: 1024 },
  );
  assert.equal(error.reply.content.length, 0);
  assert.deepEqual(await failure('text').then(({ message, remoteName }) => [message, remoteName]), [
    'just text',
    'string',
  ]);
  const { remoteName } = await failure('wrong');
  assert.equal(remoteName, 'TypeError');
});

onEach(
  'handler-error listeners hear what a handler throws, and of an answer that cannot be sent',
  async (open) => {
    const [server, client] = [await open(), await open()];
    const queue = await exclusive(server);
    const thrown = new Error('thrown');
    await server.respond(queue, ({ content }) => {
      if (content.toString() === 'answer') return 'not a buffer';
      throw thrown;
    });
    for (const [asked, expected] of [
      ['answer', new TypeError('content is not a buffer')],
      ['throw', thrown],
    ]) {
      const heard = once(server, 'handler-error');
      const { message } = expected;
      await assert.rejects(client.request('', queue, Buffer.from(asked)), { name: 'RemoteError', message });
      assert.deepEqual(await heard, [expected, 'request']);
    }
    // Nobody asked, so nobody else could hear of it.
    const heard = once(server, 'handler-error');
    client.sendToQueue(queue, Buffer.from('throw'));
    assert.deepEqual(await heard, [thrown, 'request']);
  },
);

onEach('a request that reaches no server is rejected at once', async (open) => {
  const client = await open();
  const asked = Buffer.from('?');
  await assert.rejects(client.request('', 'no.such.queue', asked), {
    message: 'Request returned: 312 (NO_ROUTE)',
    code: 312,
    routingKey: 'no.such.queue',
  });
  // An exchange that does not exist costs the channel, and the requests on it hear why.
  client.on('error', () => {});
  const lost = client.request('no.such.exchange', '', asked, { timeout: 0 });
  await assert.rejects(lost, { code: 404, message: /^Channel closed by server: 404 \(NOT-FOUND\)/ });
  await assert.rejects(client.request('', 'q', asked), ours.IllegalOperationError);
});

onEach('a request ends by its time-out or its signal, and is not served afterwards', async (open) => {
  const client = await open();
  const dead = await exclusive(client);
  const { queue } = await client.assertQueue('', {
    exclusive: true,
    deadLetterExchange: '',
    deadLetterRoutingKey: dead,
  });
  const expired = new Promise((resolve) => client.consume(dead, resolve, { noAck: true }));
  // The first request waits until replies can come: its time-out may be over by then.
  await assert.rejects(client.request('', 'no.such.queue', Buffer.from('')), { code: 312 });
  await assert.rejects(client.request('', queue, Buffer.from('late'), { timeout: 20 }), {
    message: 'No reply within 20 ms',
    code: 'ETIMEDOUT',
  });
  assert.equal((await expired).content.toString(), 'late');
  const controller = new AbortController();
  const reason = new Error('never mind');
  const given = client.request('', queue, Buffer.from('given up'), { signal: controller.signal });
  await client.checkQueue(queue);
  controller.abort(reason);
  await assert.rejects(given, reason);
  await assert.rejects(client.request('', queue, Buffer.from(''), { signal: controller.signal }), reason);

  // A reply to what was given up is nobody's, and does no harm.
  const served = [];
  await client.respond(queue, ({ content }) => {
    served.push(content.toString());
    return content;
  });
  await client.request('', queue, Buffer.from('in time'));
  assert.deepEqual(served, ['given up', 'in time']);
});

onEach('closing the channel or losing the connection rejects what waits', async (open) => {
  const client = await open();
  const queue = await exclusive(client);
  const onClosed = client.request('', queue, Buffer.from('?'), { timeout: 0 });
  await client.checkQueue(queue);
  await client.close();
  await assert.rejects(onClosed, new Error('channel closed'));
});

test('a lost connection is the reason that pending requests get', async () => {
  await withPeer(async (url, accept) => {
    const connecting = ours.connect(url);
    const peer = await accept();
    const connection = await connecting;
    connection.on('error', () => {});
    const channel = await connection.createChannel();
    // The consumer of replies is never confirmed.
    const waiting = channel.request('', 'q', Buffer.from('?'), { timeout: 0 });
    await peer.receive('60.20');
    peer.socket.destroy();
    await assert.rejects(waiting, Error);
    const again = channel.request('', 'q', Buffer.from('?'));
    await assert.rejects(again, ours.IllegalOperationError);
  });
});

onEach(
  'a request whose reply cannot come any more is rejected when recovery brings the channel back',
  async (open, url) => {
    const closing = [];
    const proxy = await cuttingProxy({ after: (close) => closing.push(close) }, url);
    const recovering = await ours.connect(proxy.url, { recovery: { initialDelay: 1, maxDelay: 20 } });
    try {
      const [server, client] = [await open(), await recovering.createChannel()];
      const queue = await exclusive(server);
      const waiting = client.request('', queue, Buffer.from('1'), { timeout: 0 });
      while ((await server.checkQueue(queue)).messageCount === 0);
      const lost = new Promise((resolve) => recovering.once('disconnect', resolve));
      proxy.cut();
      assert.equal(await waiting.catch((error) => error), await lost);
      // Published while there is no connection: it leaves with the next one.
      const next = client.request('', queue, Buffer.from('2'), { timeout: 0 });
      await server.respond(queue, double);
      assert.equal((await next).content.toString(), '4');
    } finally {
      await recovering.close();
      for (const close of closing) await close();
    }
  },
);

onEach(
  'a request whose answer finds no room while the connection is away is served again',
  async (open, url) => {
    const closing = [];
    const proxy = await cuttingProxy({ after: (close) => closing.push(close) }, url);
    const recovery = { initialDelay: 1, maxDelay: 20, bufferMessages: 1 };
    const recovering = await ours.connect(proxy.url, { recovery });
    try {
      const [server, client] = [await recovering.createChannel(), await open()];
      const { queue } = await client.assertQueue('');
      const answers = [];
      const begun = new Promise((resolve) => {
        server.respond(queue, () => {
          const answer = new Promise((settle) => answers.push(settle));
          resolve();
          if (answers.length > 1) answers.at(-1)(Buffer.from('again'));
          return answer;
        });
      });
      const reply = client.request('', queue, Buffer.from('?'));
      await begun;
      const lost = new Promise((resolve) => recovering.once('disconnect', resolve));
      proxy.isAway = true;
      proxy.cut();
      await lost;
      server.sendToQueue('no.such.queue', Buffer.from('fills the buffer'));
      answers[0](Buffer.from('no room'));
      await new Promise(setImmediate);
      proxy.isAway = false;
      assert.equal((await reply).content.toString(), 'again');
      await client.deleteQueue(queue);
    } finally {
      await recovering.close();
      for (const close of closing) await close();
    }
  },
);

onEach('a responder works on as many requests as it prefetches', async (open) => {
  const [server, client] = [await open(), await open()];
  const queue = await exclusive(server);
  let running = 0;
  let most = 0;
  const responder = await server.respond(
    queue,
    async ({ content }) => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      return content;
    },
    { prefetch: 3 },
  );
  const asked = Array.from({ length: 50 }, (_, index) => client.request('', queue, Buffer.from(`${index}`)));
  await Promise.all(asked);
  assert.ok(most <= 3, `${most} at once`);
  await responder[Symbol.asyncDispose]();
});

onEach('a responder that is closed finishes what it has begun', async (open) => {
  const [server, client] = [await open(), await open()];
  const queue = await exclusive(server);
  const controller = new AbortController();
  let begin;
  let answer;
  const begun = new Promise((resolve) => (begin = resolve));
  const answerable = new Promise((resolve) => (answer = resolve));
  const responder = await server.respond(
    queue,
    async () => {
      begin();
      await answerable;
      return Buffer.from('done');
    },
    { signal: controller.signal, prefetch: 1 },
  );
  const reply = client.request('', queue, Buffer.from('?'));
  await begun;
  controller.abort();
  answer();
  assert.equal((await reply).content.toString(), 'done');
  await responder.closed;
  assert.equal((await server.checkQueue(queue)).consumerCount, 0);
});

onEach('a request without an address is acknowledged, or refused when the handler fails', async (open) => {
  const channel = await open();
  const dead = await exclusive(channel);
  const { queue } = await channel.assertQueue('', {
    exclusive: true,
    deadLetterExchange: '',
    deadLetterRoutingKey: dead,
  });
  const responder = await channel.respond(queue, ({ content }) => {
    if (content.toString() === 'bad') throw new Error('no');
  });
  const died = new Promise((resolve) => channel.consume(dead, resolve, { noAck: true }));
  channel.sendToQueue(queue, Buffer.from('good'));
  channel.sendToQueue(queue, Buffer.from('bad'));
  assert.equal((await died).content.toString(), 'bad');
  const ended = assert.rejects(responder.closed, /cancelled/);
  await channel.deleteQueue(queue);
  await ended;
});

onEach('a responder hears of its channel, and arguments are checked', async (open) => {
  const channel = await open();
  const queue = await exclusive(channel);
  await assert.rejects(channel.respond(queue, 'text'), { code: 'ERR_INVALID_ARG_TYPE' });
  const asked = Buffer.from('?');
  await assert.rejects(channel.request('', queue, asked, { timeout: -1 }), { code: 'ERR_OUT_OF_RANGE' });
  await assert.rejects(channel.request('', queue, asked, { replyTo: 'x' }), TypeError);
  await assert.rejects(channel.request('', queue, 'text'), new TypeError('content is not a buffer'));
  const responder = await channel.respond(queue, () => {});
  const closed = once(channel, 'close');
  await channel.close();
  await closed;
  await assert.rejects(responder.closed, new Error('channel closed'));
});
