// node --import oxipc/register ioredis.js SOCKET PORT: work that programs give a Redis. Prints what came of it as JSON.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const Redis = require('ioredis');

const [, , socketPath, port] = process.argv;
const COMMANDS = 10_000;
const LARGE = Buffer.alloc(4 << 20, 'redis');

async function work(redis) {
  const pipeline = redis.pipeline();
  for (let index = 0; index < COMMANDS; index++) pipeline.incrby('counter', 2);
  const replies = await pipeline.exec();
  assert.deepEqual(replies.at(-1), [null, 2 * COMMANDS]);
  assert.ok(replies.every(([error, value], index) => error === null && value === 2 * (index + 1)));

  // Without waiting, and without a pipeline.
  await Promise.all(
    Array.from({ length: COMMANDS }, (_, index) => redis.hset('hash', index, `value ${index}`)),
  );
  const hash = await redis.hgetall('hash');
  assert.equal(Object.keys(hash).length, COMMANDS);
  assert.equal(hash[77], 'value 77');

  await redis.set('large', LARGE);
  assert.ok((await redis.getBuffer('large')).equals(LARGE));
  assert.deepEqual(await redis.multi().set('a', '1').incr('a').get('a').exec(), [
    [null, 'OK'],
    [null, 2],
    [null, '2'],
  ]);
  await assert.rejects(redis.lpush('a', 'x'), /WRONGTYPE/);
  await redis.flushall();
  return replies.length;
}

async function publishAndSubscribe(redis) {
  const subscriber = redis.duplicate();
  await subscriber.subscribe('news');
  const received = [];
  const all = new Promise((resolve) => {
    subscriber.on('message', (channel, message) => received.push(message) === 100 && resolve());
  });
  for (let index = 0; index < 100; index++) redis.publish('news', String(index));
  await all;
  assert.deepEqual(
    received,
    Array.from({ length: 100 }, (_, index) => String(index)),
  );
  subscriber.disconnect();
}

async function blockAndWake(redis) {
  const waiting = redis.duplicate();
  const popped = waiting.blpop('queue', 0);
  await redis.rpush('queue', 'job');
  assert.deepEqual(await popped, ['queue', 'job']);
  waiting.disconnect();
}

// A connection that the server cuts is made again, and what waited is sent then.
async function reconnect(redis) {
  const other = redis.duplicate({ retryStrategy: () => 1 });
  await other.ping();
  const again = once(other, 'ready');
  await redis.client('KILL', 'ID', await other.client('ID'));
  await again;
  assert.equal(await other.echo('back'), 'back');
  other.disconnect();
}

async function main() {
  const results = {};
  for (const [name, options] of Object.entries({
    UNIX: { path: socketPath },
    TCP: { port, host: '127.0.0.1' },
  })) {
    const redis = new Redis({ ...options, connectTimeout: 60_000 });
    results[name] = await work(redis);
    await publishAndSubscribe(redis);
    await blockAndWake(redis);
    await reconnect(redis);
    results[`${name} is ours`] =
      redis.stream instanceof net.Socket && Symbol.for('oxipc.net.sendDescriptors') in redis.stream;
    await redis.quit();
  }
  console.log(JSON.stringify(results));
}

main();
