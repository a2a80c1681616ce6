/// <reference types="node" />
import type { LookupFunction } from 'net';
import type * as tls from 'tls';

/** What operations answer with. */
export namespace Replies {
  type Empty = {};
  interface AssertQueue {
    /** The queue's name, also when the broker chose it. */
    queue: string;
    /** Messages ready for delivery. */
    messageCount: number;
    consumerCount: number;
  }
  interface PurgeQueue {
    messageCount: number;
  }
  interface DeleteQueue {
    messageCount: number;
  }
  interface AssertExchange {
    exchange: string;
  }
  interface Consume {
    consumerTag: string;
  }
  interface Cancel {
    consumerTag: string;
  }
}

/** A SASL mechanism and its response, as `credentials` makes them. */
export interface Credentials {
  mechanism: string;
  response(): Buffer;
  username?: string;
  password?: string;
}

export namespace Options {
  /** Where to connect. */
  type ConnectTo = string | Connect | readonly (string | Connect)[];

  /** A broker's address in parts. */
  interface Connect {
    /** `'amqp'`, `'amqps'`, or `'amqp+unix'` with `path`. Default: `'amqp'`. */
    protocol?: string;
    hostname?: string;
    /** Default: 5672, with TLS 5671. */
    port?: number;
    /** A UNIX socket, with the protocol `'amqp+unix'`. */
    path?: string;
    /** Default: `guest`, when `password` is missing too. */
    username?: string;
    password?: string;
    /** Default: `'en_US'`. */
    locale?: string;
    /** Largest frame to agree on, in bytes; 0 for no limit. Default: 131072. */
    frameMax?: number;
    /**
     * Largest payload accepted in one frame, in bytes; 0 for no limit.
     *
     * Default: 64 MiB, or the agreed frame size when that is larger.
     */
    maxFrameSize?: number;
    /** Seconds between heartbeats; 0 turns them off. Default: what the server proposes. */
    heartbeat?: number;
    /** Default: `'/'`. */
    vhost?: string;
    /** Most channels to agree on; 0 for no limit. Default: 0. */
    channelMax?: number;
    credentials?: Credentials;
  }

  interface AssertQueue {
    exclusive?: boolean;
    /** Default: true. */
    durable?: boolean;
    autoDelete?: boolean;
    arguments?: any;
    /** Milliseconds that a message may wait. */
    messageTtl?: number;
    /** Milliseconds without use after which the queue is deleted. */
    expires?: number;
    deadLetterExchange?: string;
    deadLetterRoutingKey?: string;
    maxLength?: number;
    maxPriority?: number;
    overflow?: string;
    queueMode?: string;
  }

  interface DeleteQueue {
    ifUnused?: boolean;
    ifEmpty?: boolean;
  }

  interface AssertExchange {
    /** Default: true. */
    durable?: boolean;
    internal?: boolean;
    autoDelete?: boolean;
    alternateExchange?: string;
    arguments?: any;
  }

  interface DeleteExchange {
    ifUnused?: boolean;
  }

  interface Publish {
    /** Milliseconds. */
    expiration?: string | number;
    userId?: string;
    CC?: string | string[];
    BCC?: string | string[];
    /** Return the message when it reaches no queue. */
    mandatory?: boolean;
    persistent?: boolean;
    deliveryMode?: boolean | number;
    contentType?: string;
    contentEncoding?: string;
    headers?: any;
    priority?: number;
    correlationId?: string;
    replyTo?: string;
    messageId?: string;
    timestamp?: number;
    type?: string;
    appId?: string;
  }

  interface Consume {
    consumerTag?: string;
    noLocal?: boolean;
    noAck?: boolean;
    exclusive?: boolean;
    priority?: number;
    arguments?: any;
  }

  interface Get {
    noAck?: boolean;
  }
}

/** The second argument of connect. For `amqps:` also the options of `tls.connect`, in PEM. */
export interface SocketOptions extends tls.ConnectionOptions {
  /** Default: true (amqplib: false, which makes every handshake wait for delayed acknowledgements). */
  noDelay?: boolean;
  /** Longest silence in milliseconds until the connection is open: `connect ETIMEDOUT` then. */
  timeout?: number;
  keepAlive?: boolean;
  /** Milliseconds. */
  keepAliveDelay?: number;
  clientProperties?: Record<string, unknown>;
  credentials?: Credentials;
  lookup?: LookupFunction;
  /** Aborting ends the connection with an `AbortError`: the attempt, or later `'error'` and `'close'`. */
  signal?: AbortSignal;
}

export interface ChannelOptions {
  /**
   * `publish` returns false at about twice this many writes without a turn of the event loop.
   *
   * Default: 1024.
   */
  highWaterMark?: number;
}

export interface Message {
  content: Buffer;
  fields: MessageFields;
  properties: MessageProperties;
}

export interface GetMessage extends Message {
  fields: GetMessageFields;
}

export interface ConsumeMessage extends Message {
  fields: ConsumeMessageFields;
}

export interface CommonMessageFields {
  deliveryTag: number;
  redelivered: boolean;
  exchange: string;
  routingKey: string;
}

export interface MessageFields extends CommonMessageFields {
  messageCount?: number;
  consumerTag?: string;
}

export interface GetMessageFields extends CommonMessageFields {
  messageCount: number;
}

export interface ConsumeMessageFields extends CommonMessageFields {
  consumerTag: string;
}

/** Absent properties are undefined. */
export interface MessageProperties {
  contentType: any | undefined;
  contentEncoding: any | undefined;
  headers: MessagePropertyHeaders | undefined;
  deliveryMode: any | undefined;
  priority: any | undefined;
  correlationId: any | undefined;
  replyTo: any | undefined;
  expiration: any | undefined;
  messageId: any | undefined;
  timestamp: any | undefined;
  type: any | undefined;
  userId: any | undefined;
  appId: any | undefined;
  clusterId: any | undefined;
}

export interface MessagePropertyHeaders {
  'x-first-death-exchange'?: string;
  'x-first-death-queue'?: string;
  'x-first-death-reason'?: string;
  'x-death'?: XDeath[];
  [key: string]: any;
}

export interface XDeath {
  count: number;
  reason: 'rejected' | 'expired' | 'maxlen';
  queue: string;
  time: { '!': 'timestamp'; value: number };
  exchange: string;
  'original-expiration'?: any;
  'routing-keys': string[];
}

export interface ServerProperties {
  host: string;
  product: string;
  version: string;
  platform: string;
  copyright?: string;
  information: string;
  [key: string]: string | undefined;
}

export declare const credentials: {
  plain(username: string, password: string): Required<Credentials>;
  amqplain(username: string, password: string): Required<Credentials>;
  external(): Credentials;
};

/** Thrown for what is done on a channel or connection that is closing or closed. */
export declare class IllegalOperationError extends Error {
  name: 'IllegalOperationError';
  /** Where it was closed. */
  stackAtStateChange: string | undefined;
  constructor(message: string, stackAtStateChange?: string);
}

/** `recovery` of connect. Times in milliseconds. */
export interface RecoveryOptions<Model> {
  /** Default: true. */
  enabled?: boolean;
  /** Delay before the first attempt. Default: 100. */
  initialDelay?: number;
  /** No delay is longer. Default: 30000. */
  maxDelay?: number;
  /** Each delay is this much longer than the one before. Default: 2. */
  factor?: number;
  /** Part of the delay that is left to chance, 0 to 1. Default: 0.2. */
  jitter?: number;
  /** Default: Infinity. */
  maxRetries?: number;
  /** Retries before the first connection. Default: `maxRetries`. */
  initialMaxRetries?: number;
  /** Called with every new connection before it is handed out. */
  setup?: ((model: Model) => Promise<void> | void) | ((model: Model, done: (err?: Error) => void) => void);
  /** Whether connect waits for the first connection. Default: true. */
  waitForConnect?: boolean;
  /** The delay before an attempt, counted from 1. To throw, or return no such number, ends recovery. */
  calculateDelay?: (attempt: number) => number;
  /**
   * Not in amqplib: whether channels that were made on the recovering connection come back, with what was declared on
   * them, their consumers and unconfirmed publishes. False gives amqplib's behaviour: they close with the connection.
   * Default: true.
   */
  channels?: boolean;
  /**
   * Most publishes that are kept, unconfirmed or waiting for the connection; as many operations may wait on each channel.
   * While the connection is away, what goes beyond throws `ERR_AMQP_BUFFER_FULL`. Default: 65536.
   */
  bufferMessages?: number;
  /** Most bytes of contents that are kept. From half of either bound on `publish` returns false. Default: 64 MiB. */
  bufferBytes?: number;
  /**
   * Milliseconds after which a publish or operation that waits for the connection fails: `ERR_AMQP_NOT_PUBLISHED`,
   * `ERR_AMQP_UNCONFIRMED`, `ERR_AMQP_OFFLINE`. Default: 0, none.
   */
  bufferTimeout?: number;
}
