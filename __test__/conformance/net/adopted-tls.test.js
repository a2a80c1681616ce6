'use strict';

// TLS, HTTPS, HTTP/2 and HTTP of Node's on our sockets, as on Node's own: they work on `socket._handle` in native code.

const { once } = require('node:events');
const http = require('node:http');
const http2 = require('node:http2');
const https = require('node:https');
const tls = require('node:tls');

const { selfSigned } = require('../../support/self-signed');
const { sameAsNode } = require('./side-by-side');

const MEGABYTE = 1024 * 1024;
const certificate = selfSigned();
const { key, cert } = certificate ?? {};
const secureContext = certificate && tls.createSecureContext({ key, cert });
const client = { ca: cert, servername: 'localhost' };

const closed = (stream) => new Promise((resolve) => stream.once('close', resolve));

async function listen(server, target = { port: 0, host: '127.0.0.1' }) {
  server.listen(target);
  await once(server, 'listening');
  return server.address().port ?? server.address();
}

async function textOf(stream) {
  let text = '';
  for await (const chunk of stream) text += chunk;
  return text;
}

function secured(name, scenario, settings = {}) {
  if (certificate !== null) sameAsNode(name, settings, scenario);
}

// Over TCP and over a UNIX socket; `connect()` goes to `server`.
function overBoth(name, scenario, settings) {
  for (const kind of ['TCP', 'UNIX']) {
    secured(
      `${name} (${kind})`,
      (context) => {
        const target = kind === 'TCP' ? { port: 0, host: '127.0.0.1' } : { path: context.path('socket') };
        const connect = (server, options) => {
          const address = server.address();
          const where = address.port ? { port: address.port, host: '127.0.0.1' } : { path: address };
          return context.net.connect({ ...where, ...options });
        };
        return scenario({ ...context, target, connect });
      },
      settings,
    );
  }
}

const serve = (socket, listener) => {
  const secure = new tls.TLSSocket(socket, { isServer: true, secureContext });
  secure.on('error', () => {});
  listener(secure);
  return secure;
};

const MOMENTS = {
  'that is not connected yet': async () => {},
  'that is connected': (socket) => once(socket, 'connect'),
  'that is connected and paused': async (socket) => {
    await once(socket, 'connect');
    socket.pause();
  },
};

for (const [moment, reach] of Object.entries(MOMENTS)) {
  overBoth(`TLS at both ends, over a socket ${moment}`, async ({ net, log, watch, target, connect }) => {
    const server = net.createServer((socket) => {
      log('raw', typeof socket.remotePort, socket.remoteAddress);
      serve(socket, (secure) => {
        log('server', secure.remoteAddress, typeof secure.remotePort, secure.encrypted);
        secure.once('secure', () => log('secure', secure.getProtocol()));
        secure.pipe(secure);
      });
    });
    await listen(server, target);
    const socket = watch('raw client', connect(server), ['connect', 'error']);
    await reach(socket);
    const secure = tls.connect({ socket, ...client });
    watch('client', secure, ['connect', 'secureConnect', 'end', 'error', 'close']);
    log(secure.connecting, secure.pending, typeof secure.unref().ref);
    secure.ref();
    await once(secure, 'secureConnect');
    log(secure.authorized, secure.remoteAddress, secure.localAddress, secure.remoteFamily);
    const sent = Buffer.alloc(4 * MEGABYTE, 'some text of no even length');
    secure.end(sent);
    const received = [];
    for await (const chunk of secure) received.push(chunk);
    log(Buffer.concat(received).equals(sent), secure.bytesRead, secure.bytesWritten);
    await closed(socket);
    log(socket.destroyed);
    server.close();
    await once(server, 'close');
  });
}

overBoth('STARTTLS: both plain sockets have listeners that stay', async ({ net, log, target, connect }) => {
  const server = net.createServer((socket) => {
    socket.setEncoding('utf8');
    socket.write('ready');
    socket.on('data', (text) => {
      log('server got', text);
      socket.write('go ahead');
      serve(socket, (secure) => secure.end('hello'));
    });
  });
  await listen(server, target);
  const plain = connect(server);
  plain.setEncoding('utf8');
  let replies = 0;
  plain.on('data', (text) => {
    log('client got', text);
    if (++replies === 1) plain.write('starttls');
    else {
      const secure = tls.connect({ socket: plain, ...client });
      secure.setEncoding('utf8');
      secure.on('data', (text) => log('secure', text));
    }
  });
  plain.on('end', () => log('plain end'));
  await closed(plain);
  log('replies', replies);
  server.close();
});

overBoth('STARTTLS with bytes that are read and not taken', async ({ net, log, target, connect }) => {
  // The hello comes in the packet of the plain request.
  const server = net.createServer({ pauseOnConnect: true }, async (socket) => {
    socket.resume().pause();
    socket.once('readable', () => {
      log(socket.readableLength > 9, String(socket.read(9)));
      serve(socket, (secure) => secure.end('hello'));
    });
    socket.read(0);
  });
  await listen(server, target);
  const socket = connect(server);
  await once(socket, 'connect');
  socket.cork();
  socket.write('STARTTLS\n');
  const secure = tls.connect({ socket, ...client });
  process.nextTick(() => socket.uncork());
  log(await textOf(secure));
  server.close();
});

overBoth('TLS behind plain writes that are under way', async ({ net, log, target, connect }) => {
  const server = net.createServer((socket) => {
    let length = 0;
    socket.on('data', function onData(chunk) {
      length += chunk.length;
      if (length < 6 * MEGABYTE) return;
      socket.off('data', onData);
      log('plain');
      // The hello came along.
      socket.pause();
      if (length > 6 * MEGABYTE) socket.unshift(chunk.subarray(chunk.length - (length - 6 * MEGABYTE)));
      serve(socket, (secure) => secure.end('hello'));
    });
  });
  await listen(server, target);
  const socket = connect(server);
  await once(socket, 'connect');
  socket.write(Buffer.alloc(6 * MEGABYTE), () => log('written'));
  const secure = tls.connect({ socket, ...client });
  log(await textOf(secure));
  server.close();
});

overBoth('a TLS server that is given our connections', async ({ net, log, target, connect }) => {
  const web = tls.createServer({ key, cert }, (secure) => {
    log('secureConnection', secure.remoteAddress, secure.servername);
    secure.pipe(secure);
  });
  const server = net.createServer((socket) => web.emit('connection', socket));
  await listen(server, target);
  const secure = tls.connect({ socket: connect(server), ...client });
  secure.end('through');
  log(await textOf(secure));
  server.close();
});

overBoth('a peer that is no TLS, and one that goes', async ({ net, log, target, connect }) => {
  const server = net.createServer((socket) => {
    socket.on('error', (error) => log('raw', error.code));
    const secure = new tls.TLSSocket(socket, { isServer: true, secureContext });
    secure.on('error', (error) => log('secure', error.code));
    secure.on('close', () => log('closed'));
    secure.resume();
  });
  await listen(server, target);
  for (const use of [
    (socket) => socket.end('GET / HTTP/1.1\r\n\r\n'),
    (socket) => socket.destroy(),
    (socket) => socket.end(),
  ]) {
    const socket = connect(server);
    socket.on('error', () => {});
    await once(socket, 'connect');
    use(socket.resume());
    await closed(socket);
    while (server._connections > 0) await new Promise(setImmediate);
  }
  server.close();
});

overBoth('HTTPS by createConnection and by connections of ours', async ({ net, log, target, connect }) => {
  const web = https.createServer({ key, cert }, async (request, response) => {
    const { socket } = request;
    log(request.url, socket.remoteAddress, socket.encrypted, (await textOf(request)).length);
    response.end('answer '.repeat(10_000));
  });
  const server = net.createServer((socket) => web.emit('connection', socket));
  await listen(server, target);
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = (options, callback) =>
    tls.connect({ ...options, socket: connect(server), ...client }, callback);
  for (let round = 0; round < 3; round++) {
    const request = https.request({ agent, host: 'localhost', path: `/${round}`, method: 'POST' });
    request.end('x'.repeat(100_000));
    const [response] = await once(request, 'response');
    log((await textOf(response)).length, request.reusedSocket, request.socket.remoteAddress);
  }
  agent.destroy();
  server.close();
});

for (const isSecure of [true, false]) {
  overBoth(`HTTP/2 ${isSecure ? 'over TLS' : 'in plain'}`, async ({ net, log, target, connect }) => {
    const web = isSecure ? http2.createSecureServer({ key, cert }) : http2.createServer();
    web.on('stream', async (stream, headers) => {
      const { socket } = stream.session;
      log(headers[':path'], socket.remoteAddress, typeof socket.remotePort);
      const { length } = await textOf(stream);
      stream.respond({ ':status': 200, length });
      stream.end('answer '.repeat(10_000));
    });
    const server = net.createServer((socket) => web.emit('connection', socket));
    await listen(server, target);
    const session = http2.connect(isSecure ? 'https://localhost' : 'http://localhost', {
      createConnection: () => {
        const socket = connect(server);
        return isSecure ? tls.connect({ socket, ...client, ALPNProtocols: ['h2'] }) : socket;
      },
    });
    const answers = await Promise.all(
      ['/a', '/b', '/c'].map(async (path) => {
        const stream = session.request({ ':path': path, ':method': 'POST' });
        stream.end('x'.repeat(100_000));
        const [headers] = await once(stream, 'response');
        return [headers.length, (await textOf(stream)).length];
      }),
    );
    log(answers, session.socket.remoteAddress, session.encrypted);
    session.close();
    await closed(session);
    server.close();
    await once(server, 'close');
  });
}

overBoth('HTTP: connections of ours, keep-alive, Expect, upgrade', async ({ net, log, target, connect }) => {
  const web = http.createServer(async (request, response) => {
    const body = await textOf(request);
    log(request.method, request.url, request.socket.remoteAddress, body.length);
    response.end(`got ${body.length}`);
  });
  web.on('upgrade', (request, socket, head) => {
    log('upgrade', String(head));
    socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  const server = net.createServer((socket) => web.emit('connection', socket));
  await listen(server, target);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => connect(server);
  for (const headers of [{}, { Expect: '100-continue' }, {}]) {
    const request = http.request({ agent, path: '/', method: 'POST', headers });
    if (headers.Expect) {
      request.flushHeaders();
      await once(request, 'continue');
    }
    request.end('x'.repeat(200_000));
    const [response] = await once(request, 'response');
    log(response.statusCode, await textOf(response), request.reusedSocket);
  }
  const upgrade = http.request({ agent, headers: { Connection: 'Upgrade', Upgrade: 'echo' } });
  upgrade.end();
  const [, socket] = await once(upgrade, 'upgrade');
  socket.write('echoed');
  log(String((await once(socket, 'data'))[0]));
  socket.destroy();
  agent.destroy();
  server.close();
});

secured('a raw socket that is ended, unreferenced or destroyed under TLS', async ({ net, log, watch }) => {
  for (const use of [
    (socket) => socket.destroy(),
    (socket) => socket.end(),
    (socket, secure) => secure.destroy(),
    (socket, secure) => secure.end(),
  ]) {
    const server = net.createServer((socket) => serve(socket, (secure) => secure.resume()));
    const port = await listen(server);
    const socket = watch('raw', net.connect(port, '127.0.0.1'), ['end', 'finish', 'error', 'close']);
    const secure = watch('secure', tls.connect({ socket, ...client }), ['end', 'error', 'close']);
    await once(secure, 'secureConnect');
    secure.resume();
    use(socket, secure);
    await Promise.all([closed(socket), closed(secure)]);
    log(socket.destroyed, secure.destroyed);
    server.close();
    await once(server, 'close');
  }
});
