// Open descriptors that travel with bytes over a UNIX socket of this module.

import type { Socket } from 'node:net';

type Written = (error?: Error | null) => void;

/**
 * Gives the peer its own copies of open descriptors, with the first byte of `data` (default: one zero byte), which is
 * written like any other. `fds` may be closed as soon as the call has returned.
 *
 * Returns and calls back as `write()`. Throws ERR_INVALID_ARG_VALUE for more than 253 descriptors or none, and for empty
 * data; ERR_INVALID_HANDLE_TYPE on a TCP socket and on one of Node's own; a system error (`code` EBADF, EMFILE) when one
 * cannot be copied.
 */
export declare function sendDescriptors(socket: Socket, fds: readonly number[], callback?: Written): boolean;
export declare function sendDescriptors(
  socket: Socket,
  fds: readonly number[],
  data: string | NodeJS.ArrayBufferView,
  callback?: Written,
): boolean;
export declare function sendDescriptors(
  socket: Socket,
  fds: readonly number[],
  data: string,
  encoding: BufferEncoding,
  callback?: Written,
): boolean;

/**
 * Has `listener` called with descriptors that come, at most 253, close-on-exec: they are the program's to close. Before the
 * bytes that they were sent with are read; a socket without a listener has the kernel close them. Another listener takes
 * the place of this one, `null` ends it. Returns the socket.
 *
 * Throws ERR_INVALID_HANDLE_TYPE on a TCP socket and on one of Node's own.
 */
export declare function receiveDescriptors<S extends Socket>(
  socket: S,
  listener: ((this: S, fds: number[]) => void) | null,
): S;
