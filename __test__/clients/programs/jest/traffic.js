// Megabytes through a socket and through a child, in the modules that the test file got; see ../../test-runners.test.js.

const { createHash } = require('node:crypto');

const hash = (data) => createHash('sha256').update(data).digest('hex');

async function read(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return hash(Buffer.concat(chunks));
}

async function echo(net, data) {
  const server = net.createServer((socket) => socket.pipe(socket));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = net.connect(server.address().port, '127.0.0.1');
  client.end(data);
  const received = await read(client);
  server.close();
  return received;
}

function pass({ spawn }, data) {
  const child = spawn('cat');
  child.stdin.end(data);
  return read(child.stdout);
}

module.exports = { echo, hash, pass };
