import * as node from 'node:net';

// Every name of Node's own declarations, whichever release is installed. What is declared here has more than those of older
// releases, and fits wherever Node's is asked for.
export * from 'node:net';
export { receiveDescriptors, sendDescriptors } from './net/descriptors';
export {
  type MessageCodec,
  type MessageHandlerContext,
  type MessageHandlerOptions,
  type MessageRequestOptions,
  type Messages,
  type MessagesOptions,
  messages,
} from './net/messages';
export { type PeerCredentials, peerCredentials } from './net/peer-credentials';

/** Any socket of this module or of Node's: http's and tls's too. */
export type Socket = node.Socket;

/** A socket of this module: what Node 26's has, whichever Node runs. */
export interface OxipcSocket extends node.Socket {
  setKeepAlive(enable?: boolean, initialDelay?: number, interval?: number, count?: number): this;
  setKeepAlive(options: SetKeepAliveOptions): this;
  /** Sets the TOS byte (IPv4) or traffic class (IPv6), 0 to 255. Before the connection it is kept until there is one. */
  setTypeOfService(tos: number): this;
  getTypeOfService(): number;
}

/** `instanceof` holds for Node's own sockets too. */
export const Socket: Pick<typeof node.Socket, keyof typeof node.Socket> & {
  new (options?: SocketConstructorOpts): OxipcSocket;
};
export { Socket as Stream };

export interface SetKeepAliveOptions {
  /** Default false. */
  enable?: boolean | undefined;
  /** Silence before the first probe, in milliseconds; 0 leaves the operating system's value. Whole seconds count. */
  initialDelay?: number | undefined;
  /** Time between probes, in milliseconds. Default 1000. */
  interval?: number | undefined;
  /** Probes without an answer before the connection counts as lost. Default 10. */
  count?: number | undefined;
}

// Without `handle`: from 26 on the types of Node have one, for their own BoundSocket.
export interface SocketConstructorOpts extends Omit<node.SocketConstructorOpts, 'handle'> {
  /** A bound address to connect from; in general, the handle to be a socket on. */
  handle?: BoundSocket | object | undefined;
  /** 0 to 255. */
  typeOfService?: number | undefined;
  /** Addresses that are not connected to; ERR_IP_BLOCKED. */
  blockList?: node.BlockList | undefined;
}

export interface TcpNetConnectOpts extends node.TcpSocketConnectOpts, SocketConstructorOpts {
  /** Milliseconds of silence before 'timeout'. */
  timeout?: number | undefined;
}

export interface IpcNetConnectOpts extends node.IpcSocketConnectOpts, SocketConstructorOpts {
  /** Milliseconds of silence before 'timeout'. */
  timeout?: number | undefined;
}

export type NetConnectOpts = TcpNetConnectOpts | IpcNetConnectOpts;

export interface ServerOpts extends node.ServerOpts {
  /** Peers whose connections are closed at once. */
  blockList?: node.BlockList | undefined;
}

/** What Node has not: of a UNIX socket's file, from the moment others can see it. For a path only (ERR_INVALID_ARG_VALUE). */
export interface ListenExtras {
  /** Mode of the file. Default: 0o777 less the umask. */
  mode?: number | undefined;
  /** Owner of the file. */
  uid?: number | undefined;
  /** Group of the file. */
  gid?: number | undefined;
  /**
   * Replaces a socket file that nobody listens on; a live server's gives EADDRINUSE as ever. Processes that take over at
   * the same time wait for one another, up to a second. Default false.
   */
  takeOver?: boolean | undefined;
}

export interface ListenOptions extends Omit<node.ListenOptions, 'handle'> {
  /** Lets several servers, in as many processes as like, listen on the port; the kernel shares the connections out. */
  reusePort?: boolean | undefined;
  /** An inherited descriptor that is bound or listening, for instance from systemd. */
  fd?: number | undefined;
  /** A bound address, or an object with a `_handle`. */
  handle?: BoundSocket | object | undefined;
  /** Options of this module, under a name that programs for Node do not use. */
  oxipc?: ListenExtras | undefined;
}

// `any` for Node's types, which then take every wrong option for a handle.
type ListenHandle = BoundSocket | node.Server | node.Socket | { _handle: unknown } | { fd: number };

/** `instanceof` holds for Node's own servers too. */
export class Server extends node.Server {
  constructor(connectionListener?: (socket: OxipcSocket) => void);
  constructor(options?: ServerOpts, connectionListener?: (socket: OxipcSocket) => void);
  listen(port?: number, hostname?: string, backlog?: number, listeningListener?: () => void): this;
  listen(port?: number, hostname?: string, listeningListener?: () => void): this;
  listen(port?: number, backlog?: number, listeningListener?: () => void): this;
  listen(port?: number, listeningListener?: () => void): this;
  listen(path: string, backlog?: number, listeningListener?: () => void): this;
  listen(path: string, listeningListener?: () => void): this;
  listen(options: ListenOptions, listeningListener?: () => void): this;
  listen(handle: ListenHandle, backlog?: number, listeningListener?: () => void): this;
  listen(handle: ListenHandle, listeningListener?: () => void): this;
}

export interface BoundSocketOptions {
  /** A numeric address. Default '0.0.0.0'. */
  host?: string | undefined;
  /** Default 0: any free port. */
  port?: number | undefined;
  ipv6Only?: boolean | undefined;
  reusePort?: boolean | undefined;
  /** A UNIX path or abstract name, instead of all the others. */
  path?: string | undefined;
}

/**
 * An address taken before it is known what for; a server (`listen`) or a socket (`handle`) adopts it, once. Afterwards
 * every method throws ERR_SOCKET_HANDLE_ADOPTED. The constructor throws a system error when the address is not free.
 */
export interface BoundSocket<Address = node.AddressInfo | string> {
  readonly isPipe: boolean;
  address(): Address;
  fd(): number;
  close(): void;
  /** As close(). */
  [Symbol.dispose](): void;
}

// Not a class: the options say what the address is. Node's own types know no path.
export const BoundSocket: {
  readonly prototype: BoundSocket;
  new (options: BoundSocketOptions & { path: string }): BoundSocket<string>;
  new (options?: BoundSocketOptions & { path?: undefined }): BoundSocket<node.AddressInfo>;
  new (options?: BoundSocketOptions): BoundSocket;
};

export function createServer(connectionListener?: (socket: OxipcSocket) => void): Server;
export function createServer(
  options?: ServerOpts,
  connectionListener?: (socket: OxipcSocket) => void,
): Server;
export function connect(options: NetConnectOpts, connectionListener?: () => void): OxipcSocket;
export function connect(port: number, host?: string, connectionListener?: () => void): OxipcSocket;
export function connect(port: number, connectionListener?: () => void): OxipcSocket;
export function connect(path: string, connectionListener?: () => void): OxipcSocket;
export { connect as createConnection };
