'use strict';

// node cluster.js MODULE POLICY: two workers of Node's cluster whose servers are MODULE's. Prints what was seen.

const cluster = require('node:cluster');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const [, , modulePath, policy] = process.argv;
const net = require(modulePath);
let serial = 0;
const log = (...values) => console.log(JSON.stringify(values));

if (cluster.isPrimary) {
  cluster.schedulingPolicy = policy === 'turns' ? cluster.SCHED_RR : cluster.SCHED_NONE;
  primary();
} else {
  serve();
}

// A worker does what the primary asks for.
function serve() {
  let server;
  const commands = {
    listen(options, settings, reply) {
      server = Object.assign(net.createServer(), settings);
      server.on('connection', (socket) => {
        socket.on('error', () => {}).resume();
        // Which worker, and whether the socket is as any other.
        socket.write(`${cluster.worker.id} ${socket.server === server} ${typeof socket.remoteAddress}`);
      });
      server.on('drop', () => process.send({ dropped: cluster.worker.id }));
      server.on('error', ({ code, syscall }) => reply({ code, syscall }));
      server.listen(options, () => reply({ address: server.address(), listening: server.listening }));
    },
    connections: (reply) => server.getConnections((error, count) => reply(count)),
    close: (reply) => server.close(() => reply(server.listening)),
    closeHandle(reply) {
      let isCalled = false;
      server._handle.close(() => (isCalled = true));
      // Called in the closing phase of this turn or the next, or never.
      setImmediate(() => setImmediate(() => setImmediate(() => reply([server.listening, isCalled]))));
    },
    unref: (reply) => reply(server.unref() === server && server.ref() === server),
  };
  process.on('message', ({ id, command, args }) => {
    commands[command](...args, (result) => process.send({ id, result }));
  });
}

function ask(worker, command, ...args) {
  const id = ++serial;
  worker.send({ id, command, args });
  return new Promise((resolve) => {
    worker.on('message', function onMessage(reply) {
      if (reply.id !== id) return;
      worker.off('message', onMessage);
      resolve(reply.result);
    });
  });
}

async function greeting(client) {
  const [data] = await once(client, 'data');
  return String(data).split(' ');
}

const connect = (target) => net.connect(target).on('error', () => {});
const closed = (socket) => new Promise((resolve) => socket.once('close', resolve).destroy());

async function primary() {
  const workers = [cluster.fork(), cluster.fork()];
  const both = (command, ...args) => Promise.all(workers.map((worker) => ask(worker, command, ...args)));
  const heard = [];
  cluster.on('listening', (_worker, { addressType, address, port }) =>
    heard.push([addressType, address, typeof port]),
  );

  let [first, second] = await both('listen', { port: 0, host: '127.0.0.1' }, {});
  const { port } = first.address;
  log('one port', port === second.address.port, first.address.family, first.listening);
  while (heard.length < 2) await once(cluster, 'listening');
  log('cluster events', heard);
  log('unref', await both('unref'));
  const client = connect({ port, host: '127.0.0.1' });
  log('greeting', (await greeting(client)).slice(1));
  log('connections', (await both('connections')).sort());
  await closed(client);
  log('closed', await both('close'));
  const refused = net.connect({ port, host: '127.0.0.1' });
  log('then', (await once(refused, 'error'))[0].code);

  [first, second] = await both('listen', { port: 0, host: '127.0.0.1', exclusive: true }, {});
  log('exclusive', first.address.port === second.address.port);
  await both('close');

  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'cluster-'));
  const socketPath = path.join(directory, 'socket');
  log(
    'path',
    (await both('listen', { path: socketPath }, {})).map(({ address }) => address === socketPath),
  );
  const unix = connect(socketPath);
  log('greeting', (await greeting(unix)).slice(1));
  await closed(unix);
  await both('close');
  log('file', fs.existsSync(socketPath));
  fs.rmSync(directory, { recursive: true });

  await both('listen', { port: 0, host: '127.0.0.1' }, {});
  log('handle', await both('closeHandle'));

  const taken = net.createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  log('taken', await both('listen', { port: taken.address().port, host: '127.0.0.1' }, {}));
  taken.close();

  if (policy === 'turns') await limits(workers, both);

  await both('listen', { port: 0, host: '127.0.0.1' }, {});
  for (const worker of workers) {
    worker.disconnect();
    const [code, signal] = await once(worker, 'exit');
    log('exit', code, signal, worker.exitedAfterDisconnect);
  }
}

// A worker that has enough leaves the connection to the other one, or drops it.
async function limits(workers, both) {
  let [{ address }] = await both('listen', { port: 0, host: '127.0.0.1' }, { maxConnections: 1 });
  const clients = [connect(address.port), connect(address.port)];
  const ids = [];
  for (const client of clients) ids.push((await greeting(client))[0]);
  log('one each', ids.sort());
  const third = connect(address.port);
  const served = greeting(third);
  clients[0].destroy();
  await served;
  clients[1].destroy();
  third.destroy();
  await both('close');

  if (Number(process.versions.node.split('.')[0]) < 22) return;
  [{ address }] = await both(
    'listen',
    { port: 0, host: '127.0.0.1' },
    { maxConnections: 0, dropMaxConnection: true },
  );
  const dropped = new Promise((resolve) => {
    for (const worker of workers) worker.on('message', (message) => message.dropped && resolve());
  });
  const unwanted = connect(address.port).resume();
  await Promise.all([dropped, once(unwanted, 'close')]);
  log('dropped');
  await both('close');
}
