'use strict';

// Streams in `stdio`, one kind after the other, and those that have no descriptor.

const assert = require('node:assert/strict');
const nodeChildProcess = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const nodeNet = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { Duplex, PassThrough, Readable, Writable } = require('node:stream');
const { text } = require('node:stream/consumers');
const { after, test } = require('node:test');

const oxipcChildProcess = require('../../../lib/child_process');
const oxipcNet = require('../../../lib/net');
const { needsAddon } = require('../../support/needs-addon');
const { compare, compareCall, outputsOf, scriptOf } = require('./compare');

const UPPERCASE = ['tr', ['a-z', 'A-Z']];
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'oxipc-stdio-'));
after(() => fs.rmSync(directory, { recursive: true }));

const inputPath = path.join(directory, 'input');
const outputPath = path.join(directory, 'output');
fs.writeFileSync(inputPath, 'from a file');

/** The `net` that belongs to a child_process. */
const netOf = (module) => (module === nodeChildProcess ? nodeNet : oxipcNet);

/** Calls `use` with both ends of a connection. */
async function withConnection(net, address, use) {
  const server = net.createServer().listen(address);
  await once(server, 'listening');
  const client = net.connect(address.path ?? server.address());
  const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  try {
    await use(accepted, client);
  } finally {
    client.destroy();
    accepted.destroy();
    server.close();
    await once(server, 'close');
  }
}

const ADDRESSES = {
  TCP: () => ({ port: 0, host: '127.0.0.1' }),
  UNIX: () => ({ path: path.join(directory, 'socket') }),
};
for (const [kind, address] of Object.entries(ADDRESSES)) {
  for (const [owner, net] of [
    ['the net of the module', netOf],
    ["node's net", () => nodeNet],
  ]) {
    const withSocket = (name, scenario) =>
      compare(`a ${kind} socket of ${owner} ${name}`, (module, log) =>
        withConnection(net(module), address(), (socket, client) => scenario(module, log, socket, client)),
      );

    withSocket('is input and output', async ({ spawn }, log, socket, client) => {
      const child = spawn(...UPPERCASE, { stdio: [socket, socket, 'pipe'] });
      log(child.stdin, child.stdout, child.stdio.length);
      client.end('through a socket');
      log(await once(child, 'close'));
      log(socket.bytesRead, socket.isPaused(), socket.readableFlowing, socket.destroyed);
      // The child has let go of it, we have not.
      socket.end(' and on');
      log(await text(client));
    });

    withSocket('that we have read from', async ({ spawn }, log, socket, client) => {
      socket.on('data', (chunk) => log('we read', String(chunk)));
      client.write('first');
      await once(socket, 'data');
      const child = spawn(...UPPERCASE, { stdio: [socket, 'pipe', 'pipe'] });
      client.end('second');
      log(await outputsOf(child));
    });

    for (const call of ['spawn', 'spawnSync']) {
      withSocket(`as its bare handle, ${call}`, async (module, log, socket, client) => {
        const started = module[call]('echo', ['through a handle'], {
          stdio: ['ignore', socket._handle, 'pipe'],
        });
        if (call === 'spawn') log(await once(started, 'close'));
        log(socket.isPaused(), socket.readableFlowing);
        socket.end('and ours');
        log(await text(client));
      });
    }

    withSocket('is blocking as 0, as it was beyond 2', async ({ spawn }, log, socket) => {
      const flags = (fd) => ['grep', ['flags', `/proc/self/fdinfo/${fd}`]];
      log(await outputsOf(spawn(...flags(3), { stdio: ['ignore', 'pipe', 'pipe', socket] })));
      log(await outputsOf(spawn(...flags(0), { stdio: [socket, 'pipe', 'pipe'] })));
    });
  }
}

test('spawnSync takes a socket, with which Node aborts', { skip: needsAddon }, () =>
  withConnection(oxipcNet, ADDRESSES.TCP(), async (socket, client) => {
    const { status } = oxipcChildProcess.spawnSync('echo', ['to a socket'], {
      stdio: ['ignore', socket, 'ignore'],
    });
    socket.end();
    assert.deepEqual([status, await text(client)], [0, 'to a socket\n']);
  }),
);

test('spawn takes servers: Node throws when the child has started', { skip: needsAddon }, async () => {
  for (const net of [oxipcNet, nodeNet]) {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const child = oxipcChildProcess.spawn('readlink', ['/proc/self/fd/3'], {
      stdio: ['ignore', 'pipe', 'pipe', server],
    });
    assert.match((await outputsOf(child)).stdout, /^socket:/);
    server.close();
    await once(server, 'close');
  }
});

for (const call of ['spawn', 'spawnSync']) {
  const run = async (module, ...args) => {
    const started = module[call](...args);
    if (call === 'spawn') await once(started, 'close');
  };

  compare(`${call}: a file's streams after 'open'`, async (module, log) => {
    const input = fs.createReadStream(inputPath);
    const output = fs.createWriteStream(outputPath);
    await Promise.all([once(input, 'open'), once(output, 'open')]);
    await run(module, ...UPPERCASE, { stdio: [input, output, output] });
    log(input.readableFlowing, input.bytesRead, output.bytesWritten, input.destroyed, output.destroyed);
    output.end(' and ours');
    await once(output, 'close');
    // The position is shared: the child has read to the end.
    log(fs.readFileSync(outputPath, 'utf8'), await text(input));
  });

  compare(`${call}: a FileHandle and its fd`, async (module, log) => {
    const input = await fs.promises.open(inputPath);
    const output = await fs.promises.open(outputPath, 'w');
    await run(module, ...UPPERCASE, { stdio: [input, output.fd, 'ignore'] });
    await Promise.all([input.close(), output.close()]);
    log(fs.readFileSync(outputPath, 'utf8'));
  });

  const WITHOUT_DESCRIPTOR = {
    "a ReadStream before 'open'": () => fs.createReadStream(inputPath),
    "a WriteStream before 'open'": () => fs.createWriteStream(outputPath),
    'a Readable': () => new Readable({ read() {} }),
    'a Writable': () => new Writable({ write() {} }),
    'a Duplex': () => new Duplex({ read() {}, write() {} }),
    'a PassThrough': () => new PassThrough(),
    'a web stream': () => new ReadableStream(),
    'a socket that is not connected': (module) => new (netOf(module).Socket)(),
    'a socket that was destroyed': (module) => new (netOf(module).Socket)().destroy(),
    'a server that does not listen': (module) => new (netOf(module).Server)(),
  };
  for (const [name, make] of Object.entries(WITHOUT_DESCRIPTOR)) {
    compare(`${call}: ${name}`, async (module, log) => {
      const stream = make(module);
      for (const stdio of [[stream], ['ignore', 'ignore', 'ignore', stream]]) {
        try {
          log(module[call]('true', { stdio }));
        } catch (error) {
          log(error);
        }
      }
      if (stream instanceof fs.ReadStream || stream instanceof fs.WriteStream) {
        await once(stream, 'open');
        stream.destroy();
        await once(stream, 'close');
      }
    });
  }

  const OWN = `
    const child = cp.${call}('sh', ['-c', 'tr a-z A-Z; echo "to stderr" >&2'], {
      stdio: [process.stdin, process.stdout, process.stderr],
    });
    const names = [process.stdin, process.stdout, process.stderr].map((stream) => [
      stream.constructor.name, stream.fd, stream.readableFlowing, stream.destroyed,
    ]);
    const report = () => console.log(JSON.stringify(names), child.output, process.stdin.bytesRead);
    if (child.output) report();
    else child.on('close', report);`;

  compareCall(`${call}: process.stdin, stdout and stderr that are pipes`, (module) =>
    scriptOf(OWN, [], { input: 'through a pipe\n', stdio: 'pipe' })(module),
  );

  compareCall(`${call}: process.stdin, stdout and stderr that are files`, (module) => {
    const fds = [fs.openSync(inputPath), fs.openSync(outputPath, 'a'), fs.openSync(outputPath, 'a')];
    fs.truncateSync(outputPath);
    const { status } = scriptOf(OWN, [], { stdio: fds })(module);
    fds.forEach((fd) => fs.closeSync(fd));
    return [status, fs.readFileSync(outputPath, 'utf8')];
  });
}
