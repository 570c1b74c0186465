import type { Server as HttpServer } from "node:http";
import type { Http2Server } from "node:http2";
import type { Socket } from "node:net";

/** How every HTTP/2 connection begins (RFC 9113 §3.4); no HTTP/1.1 method does. */
const preface = Buffer.from("PRI * HTTP/2.0");

export interface ConnectionListenerOptions {
  readonly http1: HttpServer;
  readonly http2: Http2Server;
  /** A connection that has not said within this time what it speaks is closed. */
  readonly firstBytesTimeoutMs: number;
}

export interface ConnectionListener {
  accept(socket: Socket): void;
  /** Closes connections that have not said anything yet. */
  closeUndecided(): void;
}

/**
 * Hands a connection to the server of the protocol that it speaks, told by its first bytes. With TLS, ALPN will
 * tell instead, and the same two servers take the connection.
 */
export function createConnectionListener(options: ConnectionListenerOptions): ConnectionListener {
  const { http1, http2, firstBytesTimeoutMs } = options;
  const undecided = new Set<Socket>();
  const accept = (socket: Socket): void => {
    undecided.add(socket);
    let seen: Buffer = Buffer.alloc(0);
    const giveUp = (): void => {
      socket.destroy();
    };
    const timer = setTimeout(giveUp, firstBytesTimeoutMs);
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const length = Math.min(seen.length, preface.length);
      const isHttp2 = preface.subarray(0, length).equals(seen.subarray(0, length));
      // Undecided: everything so far is how a preface begins.
      if (isHttp2 && length < preface.length) return;
      clearTimeout(timer);
      undecided.delete(socket);
      socket.off("readable", onReadable);
      socket.off("error", giveUp);
      socket.off("end", giveUp);
      socket.unshift(seen);
      (isHttp2 ? http2 : http1).emit("connection", socket);
    };
    socket.on("readable", onReadable);
    socket.once("error", giveUp);
    socket.once("end", giveUp);
    socket.once("close", () => {
      clearTimeout(timer);
      undecided.delete(socket);
    });
  };
  const closeUndecided = (): void => {
    for (const socket of undecided) socket.destroy();
  };
  return { accept, closeUndecided };
}
