import type { ChannelEmitter, ModelEmitter, RecoveringEmitter } from './amqplib/emitters';
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

import type { Answer, RequestOptions, Responder, RespondOptions } from './amqplib/rpc';

export * from './amqplib/properties';
export * from './amqplib/rpc';

/** The connection under a model. */
export interface Connection {
  readonly serverProperties: ServerProperties;
}

// amqplib's interfaces are amqplib's, member by member, so that test doubles and wrappers written for them fit. What
// `connect` gives has more: OxipcChannelModel and so on.

export interface ChannelModel extends ModelEmitter {
  close(): Promise<void>;
  createChannel(options?: ChannelOptions): Promise<Channel>;
  createConfirmChannel(options?: ChannelOptions): Promise<ConfirmChannel>;
  readonly connection: Connection;
  updateSecret(newSecret: Buffer, reason: string): Promise<void>;
}

export interface OxipcChannelModel extends ChannelModel {
  createChannel(options?: ChannelOptions): Promise<OxipcChannel>;
  createConfirmChannel(options?: ChannelOptions): Promise<OxipcConfirmChannel>;
  /** Closes it, unless it is closed already. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Channel extends ChannelEmitter {
  readonly connection: Connection;

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
  /**
   * `onMessage` gets null when the broker cancels the consumer. When the signal aborts `onMessage` is not called again, the
   * consumer is cancelled, and what was on its way goes back to the queue.
   */
  consume(
    queue: string,
    onMessage: (msg: ConsumeMessage | null) => void,
    options?: Options.Consume & ChannelExtras,
  ): Promise<Replies.Consume>;
  cancel(consumerTag: string): Promise<Replies.Cancel>;
  /** One message, or false when there is none. What arrives after an abort goes back to the queue, unless `noAck`. */
  get(queue: string, options?: Options.Get & ChannelExtras): Promise<GetMessage | false>;
  /** How many messages may be unacknowledged: of each later consumer, or of the channel when `global`. */
  prefetch(count: number, global?: boolean): Promise<Replies.Empty>;
  recover(): Promise<Replies.Empty>;

  /** False when it is time to wait for `'drain'`. Throws for arguments of the wrong type. */
  publish(exchange: string, routingKey: string, content: Buffer, options?: Options.Publish): boolean;
  sendToQueue(queue: string, content: Buffer, options?: Options.Publish): boolean;

  ack(message: Message, allUpTo?: boolean): void;
  ackAll(): void;
  nack(message: Message, allUpTo?: boolean, requeue?: boolean): void;
  nackAll(requeue?: boolean): void;
  reject(message: Message, requeue?: boolean): void;
}

/** What can be given up: the promise rejects with the signal's reason. */
export interface Abortable {
  signal?: AbortSignal | undefined;
}

/** Options beyond amqplib's of its own functions, under a name that programs for amqplib do not use. */
export interface ChannelExtras {
  oxipc?: Abortable | undefined;
}

/** What channels of ours have besides. */
export interface ChannelAdditions {
  /** Closes it, unless it is closed already. */
  [Symbol.asyncDispose](): Promise<void>;

  /**
   * The messages of a queue for a `for await` loop. Each is the loop's to acknowledge. Leaving the loop
   * cancels the consumer and gives back what was not looked at; the loop ends when the broker cancels the consumer, and
   * throws when the channel closes or `signal` aborts.
   */
  messages(queue: string, options?: MessagesOptions): AsyncGenerator<ConsumeMessage, void, undefined>;

  /**
   * Publishes a request and resolves with the reply, which comes by direct reply-to. Rejects with
   * `RemoteError` when a handler of `respond` failed; with `code` 312 when no queue takes the request (`mandatory`); with
   * `code` `'ETIMEDOUT'` after `timeout`; with the signal's reason; with what ends the channel; with what `publish` throws;
   * and while 65,536 requests wait on this channel.
   */
  request(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options?: RequestOptions,
  ): Promise<ConsumeMessage>;

  /**
   * Answers the requests of a queue with what `handler` gives, and acknowledges them afterwards. What it
   * throws goes to the requester, as does that its answer cannot be sent; `'handler-error'` (error, `'request'`) of this
   * channel tells of both. Where there is no requester (no `replyTo`) a request whose handler throws is refused without
   * requeueing.
   */
  respond(
    queue: string,
    handler: (request: ConsumeMessage) => Answer | Promise<Answer>,
    options?: RespondOptions,
  ): Promise<Responder>;
}

/** Options of `messages`: those of `consume` and these. */
export interface MessagesOptions extends Options.Consume {
  /** Most messages that wait unacknowledged, as `prefetch(count)`; without effect with `noAck`. Default: 100. */
  prefetch?: number;
  signal?: AbortSignal;
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

  /** Resolves when all that was published is confirmed; rejects with the first refusal, or when the channel closes. */
  waitForConfirms(options?: ChannelExtras): Promise<void>;
}

export interface OxipcChannel extends Channel, ChannelAdditions {}

export interface OxipcConfirmChannel extends ConfirmChannel, ChannelAdditions {
  /**
   * Publishes and resolves when the broker has taken responsibility. Rejects with `message nacked`, with
   * `channel closed` and as its `cause` the error that closed it, or with what `publish` throws. After an abort the message
   * may arrive nevertheless.
   */
  publishConfirmed(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options?: Options.Publish & Abortable,
  ): Promise<void>;
}

export type RecoveryOptions = RecoveryOptionsOf<OxipcChannelModel>;

/** A connection that comes back by itself. */
export interface RecoveringChannelModel extends RecoveringEmitter<ChannelModel> {
  /** Resolves once there was a connection. */
  waitForConnect(): Promise<this>;
  close(): Promise<void>;
  createChannel(options?: ChannelOptions): Promise<Channel>;
  createConfirmChannel(options?: ChannelOptions): Promise<ConfirmChannel>;
  updateSecret(newSecret: Buffer, reason: string): Promise<void>;
}

export interface OxipcRecoveringChannelModel extends RecoveringChannelModel {
  createChannel(options?: ChannelOptions): Promise<OxipcChannel>;
  createConfirmChannel(options?: ChannelOptions): Promise<OxipcConfirmChannel>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Connects to a broker: `amqp://user:password@host:port/vhost`, `amqps://…`, `amqp+unix:///path/to/socket?vhost=…`, or an
 * object. Rejects with the system's error (`code` `'ECONNREFUSED'`, `'ENOTFOUND'`, …), with `connect ETIMEDOUT` after
 * `timeout`, or with what the broker says in the handshake.
 *
 * Not in amqplib: of several URLs the first that can be connected to is taken, and after a loss the next one is tried first;
 * `timeout` is then 10 s for each unless given. When all fail the error is an `AggregateError`.
 */
export declare function connect(
  url: Options.ConnectTo,
  socketOptions: SocketOptions & { recovery: RecoveryOptions | true },
): Promise<OxipcRecoveringChannelModel>;
export declare function connect(
  url?: Options.ConnectTo,
  socketOptions?: SocketOptions,
): Promise<OxipcChannelModel>;
