import type events = require('events');

import type {
  ChannelOptions,
  ConsumeMessage,
  GetMessage,
  Message,
  Options,
  RecoveryOptions as RecoveryOptionsOf,
  Replies,
  ServerProperties,
  SocketOptions,
} from './amqplib/properties';

export * from './amqplib/properties';

/** The connection under a model. */
export interface Connection {
  readonly serverProperties: ServerProperties;
}

export interface ChannelModel extends events.EventEmitter {
  close(): Promise<void>;
  createChannel(options?: ChannelOptions): Promise<Channel>;
  createConfirmChannel(options?: ChannelOptions): Promise<ConfirmChannel>;
  readonly connection: Connection;
  updateSecret(newSecret: Buffer, reason: string): Promise<void>;

  on(event: 'close', listener: (err?: Error) => void): this;
  on(event: 'error', listener: (err: Error) => void): this;
  on(event: 'blocked', listener: (reason: string) => void): this;
  on(event: 'unblocked', listener: () => void): this;
  on(event: 'update-secret-ok', listener: () => void): this;
  on(event: 'handler-error', listener: (err: Error, eventName: string) => void): this;
  on(event: string, listener: (...args: any[]) => void): this;
}

export interface Channel extends events.EventEmitter {
  readonly connection: Connection;

  on(event: 'close', listener: () => void): this;
  on(event: 'error', listener: (err: Error) => void): this;
  /** After `publish` returned false: go on. */
  on(event: 'drain', listener: () => void): this;
  on(event: 'ack', listener: (fields: { deliveryTag: number; multiple: boolean }) => void): this;
  on(
    event: 'nack',
    listener: (fields: { deliveryTag: number; multiple: boolean; requeue: boolean }) => void,
  ): this;
  on(event: 'cancel', listener: (fields: { consumerTag: string }) => void): this;
  on(event: 'delivery', listener: (message: ConsumeMessage) => void): this;
  on(event: 'return', listener: (message: Message) => void): this;
  on(event: 'handler-error', listener: (err: Error, eventName: string) => void): this;
  on(event: string, listener: (...args: any[]) => void): this;

  close(): Promise<void>;

  /** Declares a queue; without a name the broker chooses one. */
  assertQueue(queue?: string, options?: Options.AssertQueue): Promise<Replies.AssertQueue>;
  /** Fails, and closes the channel, when the queue does not exist. */
  checkQueue(queue: string): Promise<Replies.AssertQueue>;
  deleteQueue(queue: string, options?: Options.DeleteQueue): Promise<Replies.DeleteQueue>;
  purgeQueue(queue: string): Promise<Replies.PurgeQueue>;
  bindQueue(queue: string, source: string, pattern: string, args?: any): Promise<Replies.Empty>;
  unbindQueue(queue: string, source: string, pattern: string, args?: any): Promise<Replies.Empty>;
  assertExchange(
    exchange: string,
    type: 'direct' | 'topic' | 'headers' | 'fanout' | 'match' | string,
    options?: Options.AssertExchange,
  ): Promise<Replies.AssertExchange>;
  checkExchange(exchange: string): Promise<Replies.Empty>;
  deleteExchange(exchange: string, options?: Options.DeleteExchange): Promise<Replies.Empty>;
  bindExchange(destination: string, source: string, pattern: string, args?: any): Promise<Replies.Empty>;
  unbindExchange(destination: string, source: string, pattern: string, args?: any): Promise<Replies.Empty>;
  /** `onMessage` gets null when the broker cancels the consumer. */
  consume(
    queue: string,
    onMessage: (msg: ConsumeMessage | null) => void,
    options?: Options.Consume,
  ): Promise<Replies.Consume>;
  cancel(consumerTag: string): Promise<Replies.Cancel>;
  /** One message, or false when there is none. */
  get(queue: string, options?: Options.Get): Promise<GetMessage | false>;
  /** How many messages may be unacknowledged: of each later consumer, or of the channel when `global`. */
  prefetch(count: number, global?: boolean): Promise<Replies.Empty>;
  recover(): Promise<Replies.Empty>;

  /**
   * Not in amqplib: the messages of a queue for a `for await` loop. Each is the loop's to acknowledge. Leaving the loop
   * cancels the consumer and gives back what was not looked at; the loop ends when the broker cancels the consumer, and
   * throws when the channel closes or `signal` aborts.
   */
  messages(queue: string, options?: MessagesOptions): AsyncGenerator<ConsumeMessage, void, undefined>;

  /** False when it is time to wait for `'drain'`. Throws for arguments of the wrong type. */
  publish(exchange: string, routingKey: string, content: Buffer, options?: Options.Publish): boolean;
  sendToQueue(queue: string, content: Buffer, options?: Options.Publish): boolean;

  ack(message: Message, allUpTo?: boolean): void;
  ackAll(): void;
  nack(message: Message, allUpTo?: boolean, requeue?: boolean): void;
  nackAll(requeue?: boolean): void;
  reject(message: Message, requeue?: boolean): void;
}

/** Options of `messages`: those of `consume` and these. */
export interface MessagesOptions extends Options.Consume {
  /** Most messages that wait unacknowledged, as `prefetch(count)`; without effect with `noAck`. Default: 100. */
  prefetch?: number;
  signal?: AbortSignal;
}

export interface ConfirmChannel extends Channel {
  /**
   * Not in amqplib: publishes and resolves when the broker has taken responsibility. Rejects with `message nacked`, with
   * `channel closed`, or with what `publish` throws.
   */
  publishConfirmed(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options?: Options.Publish,
  ): Promise<void>;
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options?: Options.Publish,
    callback?: (err: any, ok: Replies.Empty) => void,
  ): boolean;
  sendToQueue(
    queue: string,
    content: Buffer,
    options?: Options.Publish,
    callback?: (err: any, ok: Replies.Empty) => void,
  ): boolean;

  /** Resolves when all that was published is confirmed; rejects with the first refusal, or when the channel closes. */
  waitForConfirms(): Promise<void>;
}

export type RecoveryOptions = RecoveryOptionsOf<ChannelModel>;

/** A connection that comes back by itself. */
export interface RecoveringChannelModel extends events.EventEmitter {
  /** Resolves once there was a connection. */
  waitForConnect(): Promise<this>;
  close(): Promise<void>;
  createChannel(options?: ChannelOptions): Promise<Channel>;
  createConfirmChannel(options?: ChannelOptions): Promise<ConfirmChannel>;
  updateSecret(newSecret: Buffer, reason: string): Promise<void>;

  on(event: 'connect', listener: (model: ChannelModel) => void): this;
  on(event: 'disconnect', listener: (err: Error) => void): this;
  on(event: 'connect-failed', listener: (err: Error) => void): this;
  on(
    event: 'reconnect-scheduled',
    listener: (info: { attempt: number; delay: number; error: Error }) => void,
  ): this;
  on(event: 'reconnect-failed', listener: (err: Error) => void): this;
  on(event: 'blocked', listener: (reason: string) => void): this;
  on(event: 'unblocked', listener: () => void): this;
  on(event: 'error', listener: (err: Error) => void): this;
  on(event: 'update-secret-ok', listener: () => void): this;
  on(event: 'handler-error', listener: (err: Error, eventName: string) => void): this;
  on(event: string, listener: (...args: any[]) => void): this;
}

/**
 * Connects to a broker: `amqp://user:password@host:port/vhost`, `amqps://…`, `amqp+unix:///path/to/socket?vhost=…`, or an
 * object. Rejects with the system's error (`code` `'ECONNREFUSED'`, `'ENOTFOUND'`, …), with `connect ETIMEDOUT` after
 * `timeout`, or with what the broker says in the handshake.
 */
export declare function connect(
  url: string | Options.Connect,
  socketOptions: SocketOptions & { recovery: RecoveryOptions | true },
): Promise<RecoveringChannelModel>;
export declare function connect(
  url?: string | Options.Connect,
  socketOptions?: SocketOptions,
): Promise<ChannelModel>;
