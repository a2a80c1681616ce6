// RPC: channel.request and channel.respond.
import type { ConsumeMessage, Message, Options } from './properties';

/** Options of `request`: those of `publish` and these. `mandatory` is true unless set to false. */
export interface RequestOptions extends Omit<Options.Publish, 'correlationId' | 'replyTo'> {
  /**
   * Milliseconds to wait for the reply, and how long the request may wait to be served (its `expiration`); 0 for no limit.
   *
   * Default: 30000.
   */
  timeout?: number;
  signal?: AbortSignal;
}

/** What a handler answers: a body, a body with properties, or nothing for an empty one. */
export type Answer =
  | Buffer
  | (Omit<Options.Publish, 'correlationId'> & { content: Buffer })
  // biome-ignore lint/suspicious/noConfusingVoidType: it is the return type of handlers.
  | void;

/** Options of `respond`: those of `consume` and these. */
export interface RespondOptions extends Options.Consume {
  /** How many requests are worked on at once. Without effect with `noAck`. Default: 100. */
  prefetch?: number;
  /** Aborting closes the responder. */
  signal?: AbortSignal;
}

/** What answers the requests of a queue. */
export interface Responder {
  readonly consumerTag: string;
  /** Takes no more requests; resolves when those under way are answered. */
  close(): Promise<void>;
  /** Resolves after `close`; rejects with the reason when the broker or the channel's end stopped it. */
  readonly closed: Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What `request` rejects with when the other side's handler failed. */
export declare class RemoteError extends Error {
  name: 'RemoteError';
  /** The name of the error there, or the type of what was thrown. */
  remoteName: string;
  /** Its `code`, if it had one. */
  code?: string | number;
  reply: ConsumeMessage;
  constructor(told: { name: string; message: string; code?: string | number }, reply: Message);
}
