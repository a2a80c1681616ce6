import { EventEmitter } from 'node:events';

/** A user of the broker. */
export interface BrokerUser {
  name: string;
  password: string;
}

/** Queues with their other ends on a RabbitMQ (or any AMQP 0-9-1 broker), under the same names. */
export interface BrokerLink {
  /** `amqp:` or `amqps:` URL with credentials and vhost. */
  url: string;
  /** The vhost here that the queues are in; one of `definitions`, or the default: `'/'`. */
  vhost?: string;
  /** Names; each is declared on either side when it is not there, durable unless it exists here as something else. */
  queues: string[];
}

export interface BrokerOptions {
  /**
   * TCP port; 0 lets the system choose a free one.
   *
   * Default: 5672, or no TCP at all when only `path` is given.
   */
  port?: number;
  /** Name or address to listen on. Default: `'127.0.0.1'`. */
  host?: string;
  /**
   * Path of a UNIX socket to listen on. A socket file that nobody listens on any more is taken over; the file is removed
   * at the end, and `PATH.lock` beside it stays.
   */
  path?: string;
  /** Who may connect. Default: `guest` with password `guest`, when `definitions` has no users either. */
  users?: BrokerUser[];
  /**
   * Names of users that may connect from this machine only (by their address; a UNIX socket counts as this machine), as
   * RabbitMQ's `loopback_users`. Others are refused with 403. Default: `['guest']`.
   */
  loopbackUsers?: string[];
  /**
   * Users, vhosts, permissions, exchanges, queues and bindings, as RabbitMQ's `definitions.json` has them: the parsed
   * object or its text. Only the permission `".*"` and no policies; a vhost with everything, which the export of a single
   * vhost lacks.
   */
  definitions?: object | string;
  /** Largest frame in bytes, at least 4096. Default: 131072, as in RabbitMQ. */
  frameMax?: number;
  /** Most channels per connection; 0 for no limit but the protocol's. Default: 2047, as in RabbitMQ. */
  channelMax?: number;
  /** Heartbeat offered to clients, in seconds; 0 for none. Default: 60, as in RabbitMQ. */
  heartbeat?: number;
  /**
   * Bytes of memory (messages, their places in queues, bindings, queues, outgoing bytes) from which on publishing
   * connections are blocked (`connection.blocked`) until a tenth is free again. Default: 40 % of the memory of the
   * machine or of its control group.
   */
  memoryHighWatermark?: number;
  /**
   * Queues that empty into a RabbitMQ. A message is acknowledged here when it is confirmed there; while RabbitMQ is away
   * messages wait here. At least once, in order, at most 500 per queue on their way.
   */
  forward?: BrokerLink;
  /** Queues that are filled from a RabbitMQ; acknowledged there when they are in the queue here. */
  fetch?: BrokerLink;
}

/**
 * What becomes of `forward` and `fetch`, each time a connection is tried: with `link-open` messages go, after `link-failed` it
 * is tried again, in five seconds at most. A queue that cannot be declared, wrong credentials and an unreachable RabbitMQ
 * all fail like that; nothing is lost meanwhile.
 */
export interface BrokerEvents {
  'link-open': [direction: 'forward' | 'fetch'];
  'link-failed': [direction: 'forward' | 'fetch', error: Error];
}

/** A running broker. While it is open it keeps the process alive, unless `unref` is called. */
export interface Broker extends EventEmitter<BrokerEvents> {
  /**
   * Where AMQP clients connect, without credentials: `amqp://HOST:PORT`, or without TCP `amqp+unix:///PATH`, which
   * `connect` of `oxipc/amqplib` understands.
   */
  readonly url: string;
  /** The address it listens on; `undefined` without TCP. */
  readonly host: string | undefined;
  /** The port it listens on; `undefined` without TCP. */
  readonly port: number | undefined;
  /** Path of its UNIX socket, if it has one. */
  readonly path: string | undefined;
  /**
   * Stops listening, closes every connection with 320 (CONNECTION_FORCED), and resolves when all is ended and the port is
   * free. What the queues hold is gone. Every call resolves with the first.
   */
  close(): Promise<void>;
  ref(): this;
  unref(): this;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts an AMQP 0-9-1 broker in this process; it listens when the promise resolves.
 *
 * Everything is kept in memory. Rejects with Node's system errors (`EADDRINUSE`, `EACCES`, `ENOTFOUND`, …), and with an
 * `Error` that says what is wrong with `definitions`.
 */
export function createBroker(options?: BrokerOptions): Promise<Broker>;
