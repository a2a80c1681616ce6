import type { ChannelEmitter, ModelEmitter, RecoveringEmitter } from './emitters';
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
} from './properties';

export * from './properties';

export interface Connection extends ModelEmitter {
  close(callback?: (err: Error) => void): void;
  /** Returns the channel at once; what is done on it waits until it is open. */
  createChannel(callback?: (err: Error, channel: Channel) => void): Channel;
  createChannel(options: ChannelOptions, callback: (err: Error, channel: Channel) => void): Channel;
  createConfirmChannel(callback?: (err: Error, confirmChannel: ConfirmChannel) => void): ConfirmChannel;
  createConfirmChannel(
    options: ChannelOptions,
    callback: (err: Error, confirmChannel: ConfirmChannel) => void,
  ): ConfirmChannel;
  readonly connection: {
    readonly serverProperties: ServerProperties;
  };
  updateSecret(newSecret: Buffer, reason: string, callback?: (err: Error) => void): void;
}

export interface Channel extends ChannelEmitter {
  readonly connection: Connection;

  close(callback?: (err: Error) => void): void;

  /** Declares a queue; without a name the broker chooses one. */
  assertQueue(
    queue?: string,
    options?: Options.AssertQueue,
    callback?: (err: Error, ok: Replies.AssertQueue) => void,
  ): this;
  /** Fails, and closes the channel, when the queue does not exist. */
  checkQueue(queue: string, callback?: (err: Error, ok: Replies.AssertQueue) => void): this;
  deleteQueue(
    queue: string,
    options?: Options.DeleteQueue,
    callback?: (err: Error, ok: Replies.DeleteQueue) => void,
  ): this;
  purgeQueue(queue: string, callback?: (err: Error, ok: Replies.PurgeQueue) => void): this;
  bindQueue(
    queue: string,
    source: string,
    pattern: string,
    args?: any,
    callback?: (err: Error, ok: Replies.Empty) => void,
  ): this;
  unbindQueue(
    queue: string,
    source: string,
    pattern: string,
    args?: any,
    callback?: (err: Error, ok: Replies.Empty) => void,
  ): this;
  assertExchange(
    exchange: string,
    type: 'direct' | 'topic' | 'headers' | 'fanout' | 'match' | string,
    options?: Options.AssertExchange,
    callback?: (err: Error, ok: Replies.AssertExchange) => void,
  ): this;
  checkExchange(exchange: string, callback?: (err: Error, ok: Replies.Empty) => void): this;
  deleteExchange(
    exchange: string,
    options?: Options.DeleteExchange,
    callback?: (err: Error, ok: Replies.Empty) => void,
  ): this;
  bindExchange(
    destination: string,
    source: string,
    pattern: string,
    args?: any,
    callback?: (err: Error, ok: Replies.Empty) => void,
  ): this;
  unbindExchange(
    destination: string,
    source: string,
    pattern: string,
    args?: any,
    callback?: (err: Error, ok: Replies.Empty) => void,
  ): this;
  /** `onMessage` gets null when the broker cancels the consumer. */
  consume(
    queue: string,
    onMessage: (msg: ConsumeMessage | null) => void,
    options?: Options.Consume,
    callback?: (err: Error, ok: Replies.Consume) => void,
  ): this;
  cancel(consumerTag: string, callback?: (err: Error, ok: Replies.Cancel) => void): this;
  /** One message, or false when there is none. */
  get(queue: string, options?: Options.Get, callback?: (err: Error, ok: GetMessage | false) => void): this;
  /** How many messages may be unacknowledged: of each later consumer, or of the channel when `global`. */
  prefetch(count: number, global?: boolean, callback?: (err: Error, ok: Replies.Empty) => void): this;
  recover(callback?: (err: Error, ok: Replies.Empty) => void): this;

  /** False when it is time to wait for `'drain'`. Throws for arguments of the wrong type. */
  publish(exchange: string, routingKey: string, content: Buffer, options?: Options.Publish): boolean;
  sendToQueue(queue: string, content: Buffer, options?: Options.Publish): boolean;

  ack(message: Message, allUpTo?: boolean): this;
  ackAll(): this;
  nack(message: Message, allUpTo?: boolean, requeue?: boolean): this;
  nackAll(requeue?: boolean): this;
  reject(message: Message, requeue?: boolean): this;
}

export interface ConfirmChannel extends Channel {
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

  /** Called when all that was published is confirmed, or with the first error. */
  waitForConfirms(callback: (err?: Error) => void): void;
}

export type RecoveryOptions = RecoveryOptionsOf<Connection>;

/** A connection that comes back by itself. */
export interface RecoveringConnection extends RecoveringEmitter<Connection> {
  /** Calls back once there was a connection. */
  waitForConnect(callback?: (err: Error, connection: RecoveringConnection) => void): this;
  close(callback?: (err: Error) => void): this;
  createChannel(callback: (err: Error, channel: Channel) => void): this;
  createChannel(options: ChannelOptions, callback: (err: Error, channel: Channel) => void): this;
  createConfirmChannel(callback: (err: Error, channel: ConfirmChannel) => void): this;
  createConfirmChannel(
    options: ChannelOptions,
    callback: (err: Error, channel: ConfirmChannel) => void,
  ): this;
  updateSecret(newSecret: Buffer, reason: string, callback?: (err: Error) => void): this;
}

/** Connects as `oxipc/amqplib` does. Throws at once for a protocol other than amqp, amqps and amqp+unix. */
export declare function connect(callback: (err: any, connection: Connection) => void): void;
export declare function connect(
  url: Options.ConnectTo,
  callback: (err: any, connection: Connection) => void,
): void;
export declare function connect(
  url: Options.ConnectTo,
  socketOptions: SocketOptions,
  callback: (err: any, connection: Connection) => void,
): void;
export declare function connect(
  url: Options.ConnectTo,
  socketOptions: SocketOptions & { recovery: RecoveryOptions | true },
  callback?: (err: any, connection: RecoveringConnection) => void,
): RecoveringConnection;
