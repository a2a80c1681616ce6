// Everything that oxipc/net has beyond @types/node's net, and what it refuses.

import type { AddressInfo } from 'node:net';
import * as net from 'oxipc/net';

const server: net.Server = net.createServer(
  { noDelay: true, keepAlive: true, highWaterMark: 1024, blockList: new net.BlockList() },
  (socket: net.Socket) => socket.end('hello'),
);
server.listen({
  path: '/run/x.sock',
  oxipc: { mode: 0o600, uid: 0, gid: 0, takeOver: true },
  signal: AbortSignal.timeout(1),
});
server.listen({ port: 0, host: '::', ipv6Only: true, exclusive: true, reusePort: true, backlog: 5 });
server.listen({ fd: 3 });
server.listen(new net.BoundSocket({ host: '127.0.0.1', port: 0, reusePort: true }), 5, () => {});
server.listen({ handle: new net.BoundSocket({ path: '/run/x.sock' }) });
// @ts-expect-error a mode is a number
server.listen({ path: '/run/x.sock', oxipc: { mode: '600' } });
// @ts-expect-error takeOver is a boolean
server.listen({ path: '/run/x.sock', oxipc: { takeOver: 'yes' } });

const address: AddressInfo | string | null = server.address();
const { port }: AddressInfo = new net.BoundSocket().address();
const path: string = new net.BoundSocket({ path: '/run/x.sock' }).address();
const options: net.BoundSocketOptions = {};
const bound: AddressInfo | string = new net.BoundSocket(options).address();
// @ts-expect-error it may be bound to a path
new net.BoundSocket(options).address().port;
const fd: number = new net.BoundSocket().fd();
// @ts-expect-error a path is a string
new net.BoundSocket({ path: 1 });

const socket = net.connect({
  port: 80,
  host: 'example.org',
  autoSelectFamily: true,
  autoSelectFamilyAttemptTimeout: 250,
  typeOfService: 0x10,
  timeout: 1000,
  noDelay: true,
  blockList: new net.BlockList(),
  onread: { buffer: Buffer.alloc(10), callback: (length: number) => length > 0 },
});
socket
  .setKeepAlive(true, 5000, 1000, 3)
  .setKeepAlive({ enable: true, initialDelay: 5000, interval: 1000, count: 3 });
socket.setTypeOfService(8).setNoDelay().setTimeout(5);
const service: number = socket.getTypeOfService();
const { pid, uid, gid }: net.PeerCredentials = net.peerCredentials(socket);
// @ts-expect-error seconds are a number
socket.setKeepAlive({ interval: '1' });

const drained: boolean = net.sendDescriptors(socket, [0, 1]);
net.sendDescriptors(socket, [0], 'data', (error) => error?.message);
net.sendDescriptors(socket, [0], Buffer.from('data'));
net.sendDescriptors(socket, [0], '6869', 'hex', () => {});
net.sendDescriptors(socket, [0], () => {});
// @ts-expect-error a list
net.sendDescriptors(socket, 0);
// @ts-expect-error descriptors are numbers
net.sendDescriptors(socket, ['0']);
net.receiveDescriptors(socket, (fds) => fds.map((each: number) => each + 1)).setTypeOfService(0);
net.receiveDescriptors(socket, null);
socket.on('data', (data) => data.length).on('anything else', () => {});

for await (const chunk of socket) Buffer.from(chunk);
await socket[Symbol.asyncDispose]?.();
await server[Symbol.asyncDispose]();

export { address, bound, drained, fd, gid, path, pid, port, service, uid };
