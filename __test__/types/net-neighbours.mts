// Sockets and servers of http, https and tls are Node's: they fit where ours are asked for, and the other way round.

import * as http from 'node:http';
import * as https from 'node:https';
import type * as nodesNet from 'node:net';
import * as tls from 'node:tls';
import * as net from 'oxipc/net';

const track = (socket: net.Socket) => socket.destroy();
const watch = (server: net.Server) => server.listen({ port: 0 }).close();
const trackNodes = (socket: nodesNet.Socket) => socket.destroy();
const watchNodes = (server: nodesNet.Server) => server.close();

http.createServer().on('upgrade', (request) => track(request.socket));
http.get('http://localhost', (response) => track(response.socket));
tls.createServer({}, (socket) => track(socket));
watch(http.createServer());
watch(https.createServer());
watch(tls.createServer());

trackNodes(net.connect(80));
trackNodes(new net.Socket());
watchNodes(net.createServer());
http.createServer().emit('connection', net.connect(80));
new http.Agent().createConnection = () => net.connect({ host: 'localhost', port: 80 });
const wrapped: tls.TLSSocket = tls.connect({ socket: net.connect(443) });
net.createServer((socket) => new tls.TLSSocket(socket, { isServer: true }));

if (wrapped instanceof net.Socket) net.peerCredentials(wrapped);

class Line extends net.Socket {
  constructor(options?: net.SocketConstructorOpts) {
    super({ ...options, typeOfService: 8 });
    this.setKeepAlive({ enable: true, interval: 1000 }).setTypeOfService(16);
  }
  override write(chunk: Uint8Array | string, ...rest: []): boolean {
    return super.write(chunk, ...rest);
  }
}
class Listener extends net.Server {
  readonly lines = new Set<net.Socket>();
}

const accept: (socket: net.Socket) => void = track;
new Listener({ keepAlive: true }, accept).listen('/run/x.sock').on('connection', (socket) => track(socket));
track(new Line().connect(80));
const stream: net.Stream = new net.Stream();
const pair: nodesNet.Socket[] = [stream, new Line()];

export { pair };
