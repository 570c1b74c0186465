import http2 from "node:http2";
import net from "node:net";
import type { TransportClock } from "./clock.ts";
import type { PeerLimits } from "./limits.ts";

/** Paths of rstore.peer.v1.PeerService. */
export const peerPaths = {
  stream: "/rstore.peer.v1.PeerService/Stream",
  fetchSnapshot: "/rstore.peer.v1.PeerService/FetchSnapshot",
  forward: "/rstore.peer.v1.PeerService/Forward",
} as const;

export const STREAMING_CONTENT_TYPE = "application/connect+proto";
export const UNARY_CONTENT_TYPE = "application/proto";

/** What the other end may send before this end has read: enough for a round trip of 50 ms at 80 MB/s. */
export const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
export const SESSION_WINDOW_BYTES = 2 * STREAM_WINDOW_BYTES;

/** Node refuses new streams on a session that holds more (10 MiB by default); one append may be larger. */
export const SESSION_MEMORY_MAX_MIB = 256;

/** Opens the transport below HTTP/2; TLS comes in here. */
export type DialSocket = (url: URL) => net.Socket;

export const dialTcp: DialSocket = (url) =>
  net.connect({
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? 80 : Number(url.port),
    noDelay: true,
  });

/** A connection to a peer and the socket below, which http2 hides. */
export interface PeerSession {
  readonly session: http2.ClientHttp2Session;
  readonly socket: net.Socket;
}

/** Dials by name, so that every attempt asks the resolver again (C3). */
export function openSession(url: URL, dial: DialSocket): PeerSession {
  const socket = dial(url);
  const session = http2.connect(url, {
    createConnection: () => socket,
    maxSessionMemory: SESSION_MEMORY_MAX_MIB,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
  });
  session.once("connect", () => session.setLocalWindowSize(SESSION_WINDOW_BYTES));
  return { session, socket };
}

export function requestHeaders(path: string, contentType: string): http2.OutgoingHttpHeaders {
  return {
    ":method": "POST",
    ":path": path,
    "content-type": contentType,
    "connect-protocol-version": "1",
  };
}

/** Ends a session and everything on it, whatever state it is in. */
export function destroySession({ session, socket }: PeerSession): void {
  // Errors that come after the end are nobody's business, and unheard they would end the process.
  session.on("error", () => {});
  socket.on("error", () => {});
  session.destroy();
  socket.destroy();
}

/** Opens nothing more on a session; what is under way on it may end, for `graceMs`. */
export function leaveSession(connection: PeerSession, graceMs: number, clock: TransportClock): void {
  const { session } = connection;
  const cancel = clock.after(graceMs, () => destroySession(connection));
  session.on("error", () => {});
  connection.socket.on("error", () => {});
  session.once("close", () => {
    cancel();
    destroySession(connection);
  });
  session.close();
}

/**
 * Tells when a connection makes no progress: neither an answered ping nor a byte for `limitMs`. It counts its
 * own ticks instead of reading the clock, so that a pause of this process is not taken for the peer's death.
 */
export interface KeepaliveOptions {
  readonly limitMs: number;
  readonly limits: PeerLimits;
  readonly after: (delayMs: number, callback: () => void) => () => void;
  readonly answered: (roundTripMs: number) => void;
  readonly dead: () => void;
}

const PINGS_PER_LIMIT = 4;

/** Returns what stops it. */
export function keepAlive({ session, socket }: PeerSession, options: KeepaliveOptions): () => void {
  const intervalMs = options.limits.deadPeerMs / PINGS_PER_LIMIT;
  let silentMs = 0;
  let bytesRead = socket.bytesRead;
  let waiting = false;
  let cancel = () => {};
  const ping = (): void => {
    if (waiting || session.destroyed) return;
    waiting = session.ping((error, roundTripMs) => {
      waiting = false;
      if (error !== null) return;
      silentMs = 0;
      options.answered(roundTripMs);
    });
  };
  const tick = (): void => {
    silentMs = socket.bytesRead === bytesRead ? silentMs + intervalMs : 0;
    bytesRead = socket.bytesRead;
    if (silentMs >= options.limitMs) {
      options.dead();
      return;
    }
    ping();
    cancel = options.after(intervalMs, tick);
  };
  ping();
  cancel = options.after(intervalMs, tick);
  return () => cancel();
}
