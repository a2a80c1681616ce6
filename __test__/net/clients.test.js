'use strict';

// HTTP of Node's on our sockets; TLS and HTTP/2: conformance/net/adopted-tls.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const { test } = require('node:test');

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
