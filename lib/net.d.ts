import * as node from 'node:net';

// The shapes are those of Node's own declarations, so that values pass wherever Node's are asked for. At run time the
// classes are oxipc's: `socket instanceof require('node:net').Socket` is false.

/** Who is at the other end of a UNIX socket: the process that called connect() or listen(), as it was then. */
export interface PeerCredentials {
  pid: number;
  uid: number;
  gid: number;
}

export interface KeepAliveOptions {
  /** Default false. */
  enable?: boolean;
  /** Silence before the first probe, in milliseconds; 0 leaves the operating system's value. Whole seconds count. */
  initialDelay?: number;
  /** Time between probes, in milliseconds. Default 1000. */
  interval?: number;
  /** Probes without an answer before the connection counts as lost. Default 10. */
  count?: number;
}

export class Socket extends node.Socket {
  constructor(options?: SocketConstructorOptions);
  connect(options: SocketConnectOptions, connectionListener?: () => void): this;
  connect(port: number, host: string, connectionListener?: () => void): this;
  connect(port: number, connectionListener?: () => void): this;
  connect(path: string, connectionListener?: () => void): this;
  setKeepAlive(enable?: boolean, initialDelay?: number, interval?: number, count?: number): this;
  setKeepAlive(options: KeepAliveOptions): this;
  /** Sets the TOS byte (IPv4) or traffic class (IPv6), 0 to 255. Before the connection it is kept until there is one. */
  setTypeOfService(tos: number): this;
  getTypeOfService(): number;
  /**
   * Not in Node. UNIX sockets only.
   *
   * Throws a system error (`code` ENOTCONN, EINVAL, EBADF) when there is nobody or no UNIX socket.
   */
  peerCredentials(): PeerCredentials;
  /**
   * Not in Node. UNIX sockets only: gives the peer its own copies of open descriptors, with the first byte of `data`
   * (default: one zero byte), which is written like any other. `fds` may be closed as soon as the call has returned.
   *
   * Returns and calls back as `write()`. Throws ERR_INVALID_ARG_VALUE for more than 253 descriptors or none, and for
   * empty data; ERR_INVALID_HANDLE_TYPE on a TCP socket; a system error (`code` EBADF, EMFILE) when one cannot be copied.
   */
  sendDescriptors(fds: readonly number[], callback?: (error?: Error | null) => void): boolean;
  sendDescriptors(
    fds: readonly number[],
    data: string | NodeJS.ArrayBufferView,
    callback?: (error?: Error | null) => void,
  ): boolean;
  sendDescriptors(
    fds: readonly number[],
    data: string,
    encoding: BufferEncoding,
    callback?: (error?: Error | null) => void,
  ): boolean;
  /**
   * Not in Node. Descriptors have come, at most 253, close-on-exec: they are the program's to close. Emitted before the
   * bytes that they were sent with are read; a socket without a listener has the kernel close them.
   */
  on(event: 'descriptors', listener: (fds: number[]) => void): this;
  // biome-ignore lint/suspicious/noExplicitAny: EventEmitter's own declaration
  on(event: string | symbol, listener: (...args: any[]) => void): this;
  once(event: 'descriptors', listener: (fds: number[]) => void): this;
  // biome-ignore lint/suspicious/noExplicitAny: EventEmitter's own declaration
  once(event: string | symbol, listener: (...args: any[]) => void): this;
}
export { Socket as Stream };

export interface SocketConstructorOptions extends node.SocketConstructorOpts {
  /** A bound address to connect from. */
  handle?: BoundSocket;
  /** 0 to 255. */
  typeOfService?: number;
}

export type SocketConnectOptions = node.SocketConnectOpts & {
  /** Addresses that are not connected to; ERR_IP_BLOCKED. */
  blockList?: node.BlockList;
};

export type NetConnectOptions = SocketConnectOptions &
  SocketConstructorOptions & {
    /** Milliseconds of silence before 'timeout'. */
    timeout?: number;
  };

export interface ServerOptions extends node.ServerOpts {
  /** Peers whose connections are closed at once. */
  blockList?: node.BlockList;
}

export interface ListenOptions extends node.ListenOptions {
  /** Lets several servers, in as many processes as like, listen on the port; the kernel shares the connections out. */
  reusePort?: boolean;
  /** An inherited descriptor that is bound or listening, for instance from systemd. */
  fd?: number;
  /** A bound address, or an object with a `_handle`. */
  handle?: BoundSocket | object;
  /** Not in Node. Mode of the UNIX socket's file, from the moment others can see it. Default: 0o777 less the umask. */
  mode?: number;
  /** Not in Node. Owner of the UNIX socket's file. */
  uid?: number;
  /** Not in Node. Group of the UNIX socket's file. */
  gid?: number;
  /**
   * Not in Node. Replaces a socket file that nobody listens on; a live server's gives EADDRINUSE as ever. Processes that
   * take over at the same time wait for one another, up to a second. Default false.
   */
  takeOver?: boolean;
}

export class Server extends node.Server {
  constructor(connectionListener?: (socket: Socket) => void);
  constructor(options?: ServerOptions, connectionListener?: (socket: Socket) => void);
  listen(port?: number, hostname?: string, backlog?: number, listeningListener?: () => void): this;
  listen(port?: number, hostname?: string, listeningListener?: () => void): this;
  listen(port?: number, backlog?: number, listeningListener?: () => void): this;
  listen(port?: number, listeningListener?: () => void): this;
  listen(path: string, backlog?: number, listeningListener?: () => void): this;
  listen(path: string, listeningListener?: () => void): this;
  listen(options: ListenOptions, listeningListener?: () => void): this;
  listen(handle: BoundSocket | { _handle: object }, backlog?: number, listeningListener?: () => void): this;
  listen(handle: BoundSocket | { _handle: object }, listeningListener?: () => void): this;
}

export interface BoundSocketOptions {
  /** A numeric address. Default '0.0.0.0'. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  ipv6Only?: boolean;
  reusePort?: boolean;
  /** A UNIX path or abstract name, instead of all the others. */
  path?: string;
}

/**
 * An address taken before it is known what for; a server (`listen`) or a socket (`handle`) adopts it, once. Afterwards
 * every method throws ERR_SOCKET_HANDLE_ADOPTED. The constructor throws a system error when the address is not free.
 */
export class BoundSocket {
  constructor(options?: BoundSocketOptions);
  readonly isPipe: boolean;
  address(): node.AddressInfo | string;
  fd(): number;
  close(): void;
}

export function createServer(connectionListener?: (socket: Socket) => void): Server;
export function createServer(options?: ServerOptions, connectionListener?: (socket: Socket) => void): Server;
export function connect(options: NetConnectOptions, connectionListener?: () => void): Socket;
export function connect(port: number, host?: string, connectionListener?: () => void): Socket;
export function connect(port: number, connectionListener?: () => void): Socket;
export function connect(path: string, connectionListener?: () => void): Socket;
export type { AddressInfo, DropArgument, LookupFunction, OnReadOpts } from 'node:net';

export {
  BlockList,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  isIPv4,
  isIPv6,
  SocketAddress,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from 'node:net';
export { connect as createConnection };
