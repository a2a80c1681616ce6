import type { Socket } from 'node:net';

/** Who is at the other end of a UNIX socket: the process that called connect() or listen(), as it was then. */
export interface PeerCredentials {
  pid: number;
  uid: number;
  gid: number;
}

/**
 * Of a UNIX socket, also one of Node's own.
 *
 * Throws ERR_INVALID_ARG_TYPE for what is no socket, and a system error: `code` ENOTCONN before the connection and after its
 * end, EINVAL on a TCP socket, ENOTSOCK on a pipe.
 */
export declare function peerCredentials(socket: Socket): PeerCredentials;
