// Everything of node:net that a TypeScript program can name. programs.test.js compiles it with oxipc/net in its place too.

import type { LookupOptions } from 'node:dns';
import type { EventEmitter } from 'node:events';
import * as net from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';

function servers(): net.Server {
  const plain = net.createServer();
  const listening: net.Server = net.createServer((socket) => socket.end('bye'));
  const settings: net.ServerOpts = {
    allowHalfOpen: true,
    pauseOnConnect: true,
    noDelay: false,
    keepAlive: true,
    keepAliveInitialDelay: 1000,
  };
  const configured = net.createServer(settings, (socket: net.Socket) => socket.pipe(socket));
  const made = new net.Server({ pauseOnConnect: true }, (socket) => void socket.remoteAddress);
  const bare = new net.Server((socket) => socket.destroy());

  plain
    .listen()
    .listen(8080)
    .listen(8080, () => {})
    .listen(8080, 511)
    .listen(8080, 511, () => {})
    .listen(8080, 'localhost')
    .listen(8080, 'localhost', () => {})
    .listen(8080, 'localhost', 511)
    .listen(8080, 'localhost', 511, () => {})
    .listen('/run/some.sock')
    .listen('/run/some.sock', 511)
    .listen('/run/some.sock', 511, () => {})
    .listen('/run/some.sock', () => {})
    .listen({ fd: 3 })
    .listen(listening, () => {})
    .unref()
    .ref();
  const target: net.ListenOptions = {
    port: 8080,
    host: '::1',
    backlog: 5,
    exclusive: true,
    ipv6Only: true,
    readableAll: true,
    writableAll: true,
    signal: new AbortController().signal,
  };
  configured.listen(target, () => {}).listen({ path: '/run/some.sock' });
  const address: net.AddressInfo | string | null = made.address();
  if (address !== null && typeof address === 'object') {
    const { port, family, address: ip }: { port: number; family: string; address: string } = address;
    [port.toFixed(), family.trim(), ip.trim()].join();
  }
  bare.maxConnections = 10;
  bare.getConnections((error: Error | null, count: number) => error ?? count.toFixed());
  const isListening: boolean = bare.listening;
  bare.close((error?: Error) => error?.message);
  const emitter: EventEmitter = bare;
  return isListening && emitter ? plain : made;
}

function serverEvents(server: net.Server): void {
  server
    .addListener('close', () => {})
    .addListener('connection', (socket) => socket.end())
    .addListener('error', (error) => error.message)
    .addListener('listening', () => {})
    .addListener('drop', (data) => data?.remoteAddress?.trim());
  server
    .on('close', () => {})
    .on('connection', (socket: net.Socket) => socket.setTimeout(5).resume())
    .on('error', (error: Error) => error.stack)
    .on('listening', () => {})
    .on('drop', (data?: net.DropArgument) => data?.localPort?.toFixed());
  server.once('connection', (socket) => socket.pause()).once('error', ({ name }) => name);
  server.prependListener('connection', (socket) => socket.cork());
  server.prependOnceListener('connection', (socket) => socket.uncork());
  const heard: boolean = server.emit('connection', new net.Socket());
  server.emit('close');
  server.emit('error', new Error(String(heard)));
  server.emit('anything else', 1, 2, 3);
  server.on('anything else', (first, second) => [first, second]);
  server
    .off('close', () => {})
    .removeListener('close', () => {})
    .removeAllListeners();
}

function sockets(): net.Socket {
  const settings: net.SocketConstructorOpts = {
    fd: 5,
    allowHalfOpen: true,
    readable: true,
    writable: true,
    signal: AbortSignal.timeout(1),
  };
  let socket = new net.Socket(settings);
  socket = new net.Socket();
  socket = net.connect(8080);
  socket = net.connect(8080, 'localhost');
  socket = net.connect(8080, 'localhost', () => {});
  socket = net.connect('/run/some.sock');
  socket = net.connect('/run/some.sock', () => {});
  socket = net.createConnection(8080, 'localhost', () => {});
  socket = net.createConnection('/run/some.sock', () => {});
  const reading: net.OnReadOpts = {
    buffer: () => Buffer.alloc(1024),
    callback: (bytes: number, buffer: Uint8Array) => bytes > buffer.length,
  };
  const lookup: net.LookupFunction = (hostname: string, options: LookupOptions, callback) =>
    callback(null, hostname, options.family === 6 ? 6 : 4);
  const tcp: net.TcpNetConnectOpts = {
    port: 8080,
    host: 'localhost',
    localAddress: '127.0.0.1',
    localPort: 9090,
    hints: 0,
    family: 4,
    lookup,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 10,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: 250,
    timeout: 10,
    onread: reading,
  };
  const unix: net.IpcNetConnectOpts = { path: '/run/some.sock', timeout: 10 };
  const either: net.NetConnectOpts = Math.random() > 0.5 ? tcp : unix;
  socket = net.createConnection(either, () => {});
  socket = net.connect({ host: 'localhost', port: 80 });
  const again: net.SocketConnectOpts = { port: 8080 };
  const tcpAgain: net.TcpSocketConnectOpts = { port: 8080, host: 'localhost' };
  const unixAgain: net.IpcSocketConnectOpts = { path: '/run/some.sock' };
  socket
    .connect(again, () => {})
    .connect(tcpAgain)
    .connect(unixAgain)
    .connect(8080)
    .connect(8080, () => {})
    .connect(8080, 'localhost')
    .connect(8080, 'localhost', () => {})
    .connect('/run/some.sock', () => {});
  socket = socket.setEncoding('utf8').pause().resume().setNoDelay().setNoDelay(true).ref().unref();
  socket = socket.setKeepAlive().setKeepAlive(true).setKeepAlive(true, 10);
  socket = socket.setTimeout(10, () => {}).resetAndDestroy();
  const kept: boolean[] = [
    socket.write('text'),
    socket.write(new Uint8Array(2), (error) => error?.message),
    socket.write('74657874', 'hex'),
    socket.write('text', 'utf8', () => {}),
    socket.connecting,
    socket.pending,
    socket.destroyed,
  ];
  const counts: number[] = [socket.bytesRead, socket.bytesWritten, socket.bufferSize, socket.localPort ?? 0];
  const texts: (string | undefined)[] = [socket.localAddress, socket.remoteAddress, socket.remoteFamily];
  const ports: (number | undefined)[] = [socket.remotePort, socket.timeout, kept.length, counts.length];
  const state: net.SocketReadyState = socket.readyState;
  const attempted: string[] = socket.autoSelectFamilyAttemptedAddresses;
  const { port }: Partial<net.AddressInfo> = socket.address() as net.AddressInfo;
  socket.destroySoon();
  socket
    .end()
    .end(() => {})
    .end('text')
    .end('text', () => {})
    .end(Buffer.from('text'), () => {})
    .end('text', 'utf8', () => {});
  socket = socket.destroy(new Error([...texts, ...ports, ...attempted, port, state].join()));
  const duplex: Duplex = socket;
  const readable: Readable = socket;
  const writable: Writable = socket;
  duplex.pipe(socket).on('pipe', () => readable.unpipe(writable));
  return duplex instanceof net.Socket ? duplex : socket;
}

function socketEvents(socket: net.Socket): void {
  socket
    .addListener('close', (hadError: boolean) => hadError)
    .addListener('connect', () => {})
    .addListener('data', (data: Buffer) => data.length)
    .addListener('drain', () => {})
    .addListener('end', () => {})
    .addListener('error', (error: Error) => error.message)
    .addListener('lookup', (error, address, family, host) => [
      error?.message,
      address.trim(),
      family,
      host.trim(),
    ])
    .addListener('ready', () => {})
    .addListener('timeout', () => {});
  socket
    .on('close', (hadError) => hadError)
    .on('connect', () => {})
    .on('connectionAttempt', (ip: string, port: number, family: number) => [ip, port, family])
    .on('connectionAttemptFailed', (ip: string, port: number, family: number, error: Error) => [
      ip,
      port,
      family,
      error,
    ])
    .on('connectionAttemptTimeout', (ip: string, port: number, family: number) => [ip, port, family])
    .on('data', (data) => data.length)
    .on('error', (error) => error.message)
    .on('timeout', () => socket.destroy());
  socket.once('data', (data) => data.length).once('end', () => {});
  socket.prependListener('close', (hadError) => hadError).prependOnceListener('ready', () => {});
  const heard: boolean[] = [
    socket.emit('close', false),
    socket.emit('connect'),
    socket.emit('data', Buffer.from('')),
    socket.emit('error', new Error()),
    socket.emit('lookup', new Error(), 'address', 4, 'host'),
    socket.emit('anything else', 1),
  ];
  socket.on('anything else', (...args) => args.length + heard.length);
  socket.off('data', () => {}).removeAllListeners('data');
}

async function consuming(socket: net.Socket, server: net.Server): Promise<void> {
  for await (const chunk of socket) Buffer.from(chunk);
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) Buffer.from(chunk);
  await server[Symbol.asyncDispose]();
}

class Protocol extends net.Socket {
  readonly peers: net.Socket[] = [];
  constructor(options?: net.SocketConstructorOpts) {
    super(options);
    this.on('data', (data) => this.peers.forEach((peer) => peer.write(data)));
  }
  override setTimeout(timeout: number, callback?: () => void): this {
    return super.setTimeout(timeout * 1000, callback);
  }
  override _write(chunk: unknown, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    super._write(chunk, encoding, callback);
  }
}

class Gateway extends net.Server {
  constructor() {
    super({ allowHalfOpen: true }, (socket) => socket.resume());
  }
  override close(callback?: (error?: Error) => void): this {
    return super.close(callback);
  }
}

function addresses(): boolean {
  const versions: number[] = [net.isIP('::1')];
  const tests: boolean[] = [net.isIPv4('::1'), net.isIPv6('::1'), net.getDefaultAutoSelectFamily()];
  net.setDefaultAutoSelectFamily(true);
  net.setDefaultAutoSelectFamilyAttemptTimeout(net.getDefaultAutoSelectFamilyAttemptTimeout());
  const init: net.SocketAddressInitOptions = { address: '::1', family: 'ipv6', flowlabel: 1, port: 80 };
  const address = new net.SocketAddress(init);
  const version: net.IPVersion = address.family;
  const facts: [string, number, number, string] = [address.address, address.port, address.flowlabel, version];
  const list = new net.BlockList();
  list.addAddress('127.0.0.1');
  list.addAddress('::1', 'ipv6');
  list.addAddress(address);
  list.addRange('10.0.0.1', '10.0.0.9', 'ipv4');
  list.addRange(address, address);
  list.addSubnet('10.0.0.0', 8);
  list.addSubnet(address, 64);
  const rules: readonly string[] = list.rules;
  return (
    list.check(address) || list.check('::1', 'ipv6') || [...versions, ...tests, ...facts, ...rules].length > 0
  );
}

export = { addresses, consuming, Gateway, Protocol, serverEvents, servers, socketEvents, sockets };
