'use strict';

// Programs that know net only by its streams: TLS and HTTP on our sockets.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const tls = require('node:tls');

const net = require('../../lib/net');

async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

async function text(stream) {
  let result = '';
  for await (const chunk of stream.setEncoding('utf8')) result += chunk;
  return result;
}

test('http.request talks over our socket to an http server fed by our connections', async (t) => {
  const web = http.createServer((request, response) => {
    let length = 0;
    request
      .on('data', (chunk) => (length += chunk.length))
      .on('end', () => response.end(`${request.url} ${length}`));
  });
  const server = net.createServer((socket) => web.emit('connection', socket));
  const port = await listen(server);
  const agent = new http.Agent({ keepAlive: true });
  agent.createConnection = net.connect;
  t.after(() => {
    agent.destroy();
    server.close();
  });
  for (let round = 0; round < 3; round++) {
    const request = http.request({ agent, host: '127.0.0.1', port, path: `/${round}`, method: 'POST' });
    request.end('x'.repeat(100_000));
    const [response] = await once(request, 'response');
    assert.equal(await text(response), `/${round} 100000`);
  }
});

test('TLS client and server over our sockets', {
  skip: !hasOpenssl() && 'openssl is not installed',
}, async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-tls-'));
  t.after(() => fs.rmSync(directory, { recursive: true }));
  const [keyFile, certFile] = ['key.pem', 'cert.pem'].map((name) => path.join(directory, name));
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-keyout',
      keyFile,
      '-out',
      certFile,
    ],
    { stdio: 'ignore' },
  );
  const [key, cert] = [keyFile, certFile].map((file) => fs.readFileSync(file));

  const secureContext = tls.createSecureContext({ key, cert });
  // Half-open, because TLS over a stream that is not Node's own decides itself when the stream ends.
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const secure = new tls.TLSSocket(socket, { isServer: true, secureContext });
    secure.pipe(secure);
  });
  const port = await listen(server);
  const client = tls.connect({
    socket: net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }),
    ca: cert,
    servername: 'localhost',
  });
  await once(client, 'secureConnect');
  assert.equal(client.authorized, true);
  client.end('x'.repeat(1_000_000));
  assert.equal((await text(client)).length, 1_000_000);
  server.close();
  await once(server, 'close');
});

function hasOpenssl() {
  try {
    execFileSync('openssl', ['version']);
    return true;
  } catch {
    return false;
  }
}
