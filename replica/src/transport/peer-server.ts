import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { FatalError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { TransportClock } from "./clock.ts";
import { serveForward } from "./forward-serve.ts";
import { type InboundParts, serveStream } from "./inbound-stream.ts";
import { type PeerLimits, peerLimits } from "./limits.ts";
import type { PeerLinks } from "./peer-links.ts";
import {
  peerPaths,
  SESSION_MEMORY_MAX_MIB,
  SESSION_WINDOW_BYTES,
  STREAM_WINDOW_BYTES,
  STREAMING_CONTENT_TYPE,
  UNARY_CONTENT_TYPE,
} from "./peer-session.ts";
import { SnapshotServer } from "./snapshot-serve.ts";
import { sniffHttp } from "./sniff-http.ts";
import type { PeerHandler } from "./types.ts";

export interface PeerServerOptions {
  readonly handler: PeerHandler;
  /** Of this member's transport: connections in both directions are one relation to a peer. */
  readonly links: PeerLinks;
  readonly clock: TransportClock;
  readonly listen: { readonly host: string; readonly port: number };
  readonly limits?: Partial<PeerLimits>;
  /** Further services on this port, by the general Connect adapter: gRPC, gRPC-Web, Connect, also HTTP/1.1. */
  readonly services?: (router: ConnectRouter) => void;
  readonly logger?: Logger;
}

export interface PeerServer {
  readonly host: string;
  /** The port listened on, also where 0 was asked for. */
  readonly port: number;
  /** Takes no more calls, ends the peers' streams, lets calls under way finish for `drainMs`, then cuts. */
  close(drainMs?: number): Promise<void>;
}

/** Opens the peer port. Rejects with FatalError "addressInUse" when it can't be had. */
export async function createPeerServer(options: PeerServerOptions): Promise<PeerServer> {
  const { handler, links, clock, logger, listen } = options;
  const limits = peerLimits(options.limits);
  const parts = { handler, links, limits, clock, log: logger };
  const server = new Http2PeerServer(parts, options.services ?? (() => {}));
  await server.listen(listen.host, listen.port);
  return server;
}

/** For the whole of a request over HTTP/1.1, where a slow caller holds a connection. */
const REQUEST_TIMEOUT_MS = 60_000;

class Http2PeerServer implements PeerServer {
  readonly #parts: InboundParts;
  readonly #snapshots: SnapshotServer;
  readonly #adapter: ReturnType<typeof connectNodeAdapter>;
  readonly #tcp: net.Server;
  readonly #h2: http2.Http2Server;
  readonly #h1: http.Server;
  readonly #sockets = new Set<net.Socket>();
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  readonly #peerStreams = new Map<http2.ServerHttp2Stream, () => void>();
  #closing = false;
  #host = "";
  #port = 0;

  constructor(parts: InboundParts, services: (router: ConnectRouter) => void) {
    const { limits } = parts;
    this.#parts = parts;
    this.#snapshots = new SnapshotServer(parts);
    this.#adapter = connectNodeAdapter({ routes: services, readMaxBytes: limits.requestMaxBytes });
    this.#h1 = http.createServer(
      {
        headersTimeout: limits.helloTimeoutMs,
        connectionsCheckingInterval: limits.helloTimeoutMs,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: limits.stallTimeoutMs,
      },
      (request, response) => {
        response.once("finish", () => {
          if (this.#closing) request.socket.end();
        });
        this.#adapter(request, response);
      },
    );
    // It is handed its connections and never listens, but only a server that does watches its time-outs.
    this.#h1.emit("listening");
    this.#h2 = http2.createServer({
      maxSessionMemory: SESSION_MEMORY_MAX_MIB,
      settings: {
        maxConcurrentStreams: 2 * limits.forwardMaxInflight,
        initialWindowSize: STREAM_WINDOW_BYTES,
      },
    });
    this.#h2.on("session", (session) => this.#take(session));
    this.#tcp = net.createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#tcp.maxConnections = limits.connectionsMax;
  }

  get host(): string {
    return this.#host;
  }

  get port(): number {
    return this.#port;
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        const cause = error.code === "EADDRINUSE" ? "another process listens there" : error.message;
        reject(
          new FatalError("addressInUse", `cannot listen for peers on ${host}:${port}: ${cause}`, {
            cause: error,
          }),
        );
      };
      this.#tcp.once("error", failed);
      this.#tcp.listen(port, host, () => {
        this.#tcp.off("error", failed);
        this.#tcp.on("error", (error) =>
          this.#parts.log?.record("peer.accept.failed", { reason: error.message }),
        );
        const address = this.#tcp.address();
        if (typeof address === "object" && address !== null) {
          this.#host = address.address;
          this.#port = address.port;
        }
        resolve();
      });
    });
  }

  async close(drainMs = 1_000): Promise<void> {
    this.#snapshots.close();
    const closed = new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
    this.#closing = true;
    for (const breakOff of this.#peerStreams.values()) breakOff();
    for (const session of this.#sessions) session.close();
    this.#h1.close();
    const cancel = this.#parts.clock.after(drainMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await closed;
    cancel();
  }

  #accept(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    const cancel = this.#parts.clock.after(this.#parts.limits.helloTimeoutMs, () => socket.destroy());
    sniffHttp(socket, (protocol) => {
      cancel();
      (protocol === "h2" ? this.#h2 : this.#h1).emit("connection", socket);
    });
    socket.once("close", cancel);
  }

  #take(session: http2.ServerHttp2Session): void {
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    session.on("error", () => {});
    let calls = 0;
    session.on("stream", (stream, headers, _flags, rawHeaders) => {
      if (this.#servePeer(stream, headers)) return;
      calls += 1;
      stream.once("close", () => {
        calls -= 1;
      });
      const request = new http2.Http2ServerRequest(stream, headers, {}, rawHeaders);
      this.#adapter(request, new http2.Http2ServerResponse(stream));
    });
    this.#endWhenSilent(session, () => calls > 0);
  }

  /**
   * A peer pings several times in `deadPeerMs`; a connection that is silent for much longer is half open, or
   * idle. One that waits for the answer to a call is neither.
   */
  #endWhenSilent(session: http2.ServerHttp2Session, isWaiting: () => boolean): void {
    const { clock, limits } = this.#parts;
    const { socket } = session;
    let bytesRead = 0;
    const tick = (): void => {
      if (session.destroyed) return;
      if (socket.bytesRead === bytesRead && !isWaiting()) {
        for (const [stream, breakOff] of this.#peerStreams) if (stream.session === session) breakOff();
        session.destroy();
        return;
      }
      bytesRead = socket.bytesRead;
      cancel = clock.after(limits.stallTimeoutMs, tick);
    };
    let cancel = clock.after(limits.stallTimeoutMs, tick);
    session.once("close", () => cancel());
  }

  #servePeer(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): boolean {
    const contentType = headers["content-type"];
    switch (headers[":path"]) {
      case peerPaths.stream:
        if (contentType !== STREAMING_CONTENT_TYPE) return refuseContentType(stream);
        stream.once("close", () => this.#peerStreams.delete(stream));
        this.#peerStreams.set(stream, serveStream(this.#parts, stream));
        return true;
      case peerPaths.fetchSnapshot:
        if (contentType !== STREAMING_CONTENT_TYPE) return refuseContentType(stream);
        this.#snapshots.serve(stream);
        return true;
      case peerPaths.forward:
        if (contentType !== UNARY_CONTENT_TYPE) return refuseContentType(stream);
        serveForward(this.#parts, stream, headers);
        return true;
      default:
        return false;
    }
  }
}

/** Members speak the Connect protocol with protobuf; nothing else is spoken on the peers' own paths. */
function refuseContentType(stream: http2.ServerHttp2Stream): true {
  stream.respond({ ":status": 415 }, { endStream: true });
  return true;
}
