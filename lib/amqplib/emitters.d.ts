// What connections and channels emit: the same in both APIs.
import type events = require('events');

import type { ConsumeMessage, Message } from './properties';

export interface ModelEmitter extends events.EventEmitter {
  on(event: 'close', listener: (err?: Error) => void): this;
  on(event: 'error', listener: (err: Error) => void): this;
  on(event: 'blocked', listener: (reason: string) => void): this;
  on(event: 'unblocked', listener: () => void): this;
  on(event: 'update-secret-ok', listener: () => void): this;
  on(event: 'handler-error', listener: (err: Error, eventName: string) => void): this;
  on(event: string, listener: (...args: any[]) => void): this;
}

export interface ChannelEmitter extends events.EventEmitter {
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
}

/** `Model` is what a new connection is handed out as. */
export interface RecoveringEmitter<Model> extends events.EventEmitter {
  on(event: 'connect', listener: (model: Model) => void): this;
  on(event: 'disconnect', listener: (err: Error) => void): this;
  on(event: 'connect-failed', listener: (err: Error) => void): this;
  on(
    event: 'reconnect-scheduled',
    listener: (info: { attempt: number; delay: number; error: Error }) => void,
  ): this;
  on(event: 'reconnect-failed', listener: (err: Error) => void): this;
  /** Not in amqplib: a queue that the broker named has come back under another name. */
  on(event: 'queue-renamed', listener: (to: string, from: string) => void): this;
  on(event: 'blocked', listener: (reason: string) => void): this;
  on(event: 'unblocked', listener: () => void): this;
  on(event: 'error', listener: (err: Error) => void): this;
  on(event: 'update-secret-ok', listener: () => void): this;
  on(event: 'handler-error', listener: (err: Error, eventName: string) => void): this;
  on(event: string, listener: (...args: any[]) => void): this;
}
