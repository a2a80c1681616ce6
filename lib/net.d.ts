import * as node from 'node:net';
import type { Duplex } from 'node:stream';

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
   * Throws a system error: `code` ENOTCONN before the connection and after its end, EINVAL on a TCP socket, ENOTSOCK on a
   * pipe.
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

// Without `handle`: from 26 on the types of Node have one, for their own BoundSocket.
export interface SocketConstructorOptions extends Omit<node.SocketConstructorOpts, 'handle'> {
  /** A bound address to connect from; in general, the handle to be a socket on. */
  handle?: BoundSocket | object;
  /** 0 to 255. */
  typeOfService?: number;
  /** Addresses that are not connected to; ERR_IP_BLOCKED. */
  blockList?: node.BlockList;
}

export type SocketConnectOptions = node.SocketConnectOpts;

export type NetConnectOptions = SocketConnectOptions &
  SocketConstructorOptions & {
    /** Milliseconds of silence before 'timeout'. */
    timeout?: number;
  };

export interface ServerOptions extends node.ServerOpts {
  /** Peers whose connections are closed at once. */
  blockList?: node.BlockList;
}

export interface ListenOptions extends Omit<node.ListenOptions, 'handle'> {
  /** Lets several servers, in as many processes as like, listen on the port; the kernel shares the connections out. */
  reusePort?: boolean;
  /** An inherited descriptor that is bound or listening, for instance from systemd. */
  fd?: number;
  /** A bound address, or an object with a `_handle`. */
  handle?: BoundSocket | object;
  /**
   * Not in Node. Mode of the UNIX socket's file, from the moment others can see it. Default: 0o777 less the umask. As `uid`
   * and `gid` without effect on a port or descriptor.
   */
  mode?: number;
  /** Not in Node. Owner of the UNIX socket's file. */
  uid?: number;
  /** Not in Node. Group of the UNIX socket's file. */
  gid?: number;
  /**
   * Not in Node. Replaces a socket file that nobody listens on; a live server's gives EADDRINUSE as ever. Processes that
   * take over at the same time wait for one another, up to a second. Throws ERR_INVALID_ARG_VALUE for a port or descriptor.
   * Default false.
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

/** What the payload of a message is: any bytes, JSON, or V8's structured clone (both sides the same kind of Node). */
export type MessageCodec = 'raw' | 'json' | 'v8';

export interface MessagesOptions {
  /** Of both sides. Default 'json'. */
  codec?: MessageCodec;
  /** Bytes of one message's payload, sent or received; 1 to 2 ** 29 - 2 ** 18. Default 16 MiB. */
  maxLength?: number;
  /** `send()` is false from so many bytes on that wait or were sent in this tick. Default 64 KiB. */
  highWaterMark?: number;
}

export interface MessageRequestOptions {
  /** Milliseconds before the request is given up: ERR_MESSAGE_REQUEST_TIMEOUT. Default: none. */
  timeout?: number;
  /** Gives the request up: AbortError. */
  signal?: AbortSignal;
}

export interface MessageHandlerContext {
  /** Aborts when nobody waits for the answer any more: cancelled, timed out, or the connection is gone. */
  readonly signal: AbortSignal;
}

export interface MessageHandlerOptions {
  /** How many requests are under way at once; the others wait. Default 1024. */
  concurrency?: number;
}

/** Messages on a stream; see `messages()`. `Incoming` is what the peer sends, `Outgoing` what this side does. */
// biome-ignore lint/suspicious/noExplicitAny: what a peer sends is what the program says it is
export interface Messages<Incoming = any, Outgoing = any>
  extends NodeJS.EventEmitter,
    AsyncIterable<Incoming> {
  readonly socket: Duplex;
  readonly destroyed: boolean;
  readonly writableNeedDrain: boolean;
  /**
   * Sends a message; it leaves when the tick ends, with all others of it. False when it is time to wait for 'drain', and
   * when the connection is gone. Bytes may be used again on return.
   *
   * Throws ERR_MESSAGE_TOO_LONG above `maxLength`, ERR_MESSAGES_CLOSED after end(), and what the codec has against the value.
   */
  send(value: Outgoing): boolean;
  /**
   * Sends a request and resolves with its answer. Rejects with the error of the peer's handler (name, message, code);
   * ERR_MESSAGE_NO_HANDLER; ERR_MESSAGE_REQUEST_TIMEOUT; AbortError; ERR_MESSAGE_REQUESTS_UNANSWERED when the peer never
   * answers; ERR_MESSAGES_CLOSED when the connection ends first, with what it failed with as `cause`.
   */
  request<Answer = Incoming>(value: Outgoing, options?: MessageRequestOptions): Promise<Answer>;
  /** Has the peer's requests answered with what `handler` returns, resolves with or throws; null: by ERR_MESSAGE_NO_HANDLER. */
  handle(
    handler:
      | ((
          value: Incoming,
          context: MessageHandlerContext,
        ) => Outgoing | undefined | Promise<Outgoing | undefined>)
      | null,
    options?: MessageHandlerOptions,
  ): this;
  /** Takes no more messages and requests until resume(); the connection is not read then. */
  pause(): this;
  /** Goes on, and drops messages from now on that nobody takes. */
  resume(): this;
  isPaused(): boolean;
  /** As those of the socket. */
  ref(): this;
  unref(): this;
  /** Ends the connection when everything is sent and every request of either side has its answer. */
  end(): this;
  /** As end(), and drops what comes and nobody takes. Resolves when the connection is closed. */
  close(): Promise<void>;
  /** Closes the connection at once. */
  destroy(error?: Error): this;
  [Symbol.asyncDispose](): Promise<void>;

  on(event: 'message', listener: (value: Incoming) => void): this;
  on(event: 'drain' | 'end' | 'close', listener: () => void): this;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): this;
  once(event: 'message', listener: (value: Incoming) => void): this;
  once(event: 'drain' | 'end' | 'close', listener: () => void): this;
  once(event: 'error', listener: (error: NodeJS.ErrnoException) => void): this;
}

/**
 * Not in Node. Puts messages on a stream: its bytes belong to them from now on. The other side does the same, with the
 * same codec, or speaks the format (docs/messages.md).
 *
 * Throws ERR_INVALID_ARG_TYPE for what is no Duplex, ERR_INVALID_ARG_VALUE for one of objects or text and for one that
 * carries messages already, ERR_SOCKET_CLOSED for a destroyed one.
 */
export function messages<
  Incoming extends Uint8Array = Buffer,
  Outgoing extends ArrayBufferView = ArrayBufferView,
>(socket: Duplex, options: MessagesOptions & { codec: 'raw' }): Messages<Incoming, Outgoing>;
// biome-ignore lint/suspicious/noExplicitAny: as of Messages
export function messages<Incoming = any, Outgoing = any>(
  socket: Duplex,
  options?: MessagesOptions,
): Messages<Incoming, Outgoing>;
