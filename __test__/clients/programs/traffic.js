// What a test of a program does with our modules. `load()` gives them anew, or the same.

const { createHash } = require('node:crypto');
const { once } = require('node:events');

const sha256 = (data) => createHash('sha256').update(data).digest('hex');

async function allOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Hashes of what came back, and of what should have: the same. */
async function traffic({ child_process, net, amqplib, broker }, seed) {
  const bytes = Buffer.alloc(100_000, createHash('sha256').update(seed).digest());

  const server = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect(server.address().port, '127.0.0.1');
  client.end(bytes);
  const echoed = allOf(client);

  const child = child_process.spawn('cat');
  child.stdin.end(bytes);
  const output = allOf(child.stdout);

  const embedded = await broker.createBroker({ port: 0 });
  const connection = await amqplib.connect(embedded.url);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('');
  channel.sendToQueue(queue, bytes);
  const message = await new Promise((resolve) => channel.consume(queue, resolve, { noAck: true }));

  const came = [await echoed, await output, message.content].map(sha256);
  server.close();
  await connection.close();
  await embedded.close();
  return { came, expected: came.map(() => sha256(bytes)) };
}

module.exports = { traffic };
