// node --import oxipc/register ftp.js FOLDER: basic-ftp and ftp-srv over TLS, control and data connections, in the folder
// with ca.pem, server.pem and server.key. Prints what came of it as JSON.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { Readable, Writable } = require('node:stream');
const { Client } = require('basic-ftp');
const { FtpSrv } = require('ftp-srv');

const [, , folder] = process.argv;
const file = (name) => fs.readFileSync(path.join(folder, name));
const FILES = 8;
const content = (index) => Buffer.alloc(index === 0 ? 0 : 3 << (3 * index), `file ${index}`);
const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function serve() {
  const files = path.join(folder, 'files');
  fs.mkdirSync(files);
  const port = await freePort();
  const server = new FtpSrv({
    url: `ftp://127.0.0.1:${port}`,
    pasv_url: '127.0.0.1',
    tls: { key: file('server.key'), cert: file('server.pem') },
    anonymous: true,
    log: quiet,
  });
  server.on('login', (_, resolve) => resolve({ root: files }));
  await server.listen();
  return { server, port };
}

async function main() {
  const { server, port } = await serve();
  const client = new Client(20_000);
  await client.access({ host: '127.0.0.1', port, secure: true, secureOptions: { ca: file('ca.pem') } });
  const encrypted = client.ftp.socket.encrypted === true;

  for (let index = 0; index < FILES; index++)
    await client.uploadFrom(Readable.from([content(index)]), `file ${index}`);
  const names = (await client.list()).map(({ name, size }) => [name, size]);
  for (let index = 0; index < FILES; index++) {
    const chunks = [];
    await client.downloadTo(
      new Writable({
        write(chunk, _, done) {
          chunks.push(chunk);
          done();
        },
      }),
      `file ${index}`,
    );
    assert.ok(Buffer.concat(chunks).equals(content(index)), `file ${index}`);
  }
  await client.remove('file 1');
  await client.ensureDir('folder/within');
  const left = (await client.list('/')).length;
  client.close();
  await server.close();
  console.log(
    JSON.stringify({
      encrypted,
      listed: names.length,
      sizes: names.every(([name, size]) => size === content(Number(name.split(' ')[1])).length),
      left,
      ours: Object.keys(require.cache).some((name) => name.endsWith('/lib/net.js')),
    }),
  );
}

main();
