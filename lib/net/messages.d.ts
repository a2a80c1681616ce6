// messages(): types of its options, and of messages on a stream.

import type { Duplex } from 'node:stream';

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
 * Puts messages on a stream: its bytes belong to them from now on. The other side does the same, with the
 * same codec, or speaks the format (docs/messages.md).
 *
 * Throws ERR_INVALID_ARG_TYPE for what is no Duplex, ERR_INVALID_ARG_VALUE for one of objects or text and for one that
 * carries messages already, ERR_SOCKET_CLOSED for a destroyed one.
 */
export declare function messages<
  Incoming extends Uint8Array = Buffer,
  Outgoing extends ArrayBufferView = ArrayBufferView,
>(socket: Duplex, options: MessagesOptions & { codec: 'raw' }): Messages<Incoming, Outgoing>;
// biome-ignore lint/suspicious/noExplicitAny: as of Messages
export declare function messages<Incoming = any, Outgoing = any>(
  socket: Duplex,
  options?: MessagesOptions,
): Messages<Incoming, Outgoing>;
