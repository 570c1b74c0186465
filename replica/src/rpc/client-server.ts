import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { Health } from "@rstore/proto/grpc/health/v1/health";
import { ClusterService } from "@rstore/proto/rstore/v1/cluster";
import { KvService } from "@rstore/proto/rstore/v1/kv";
import { MaintenanceService } from "@rstore/proto/rstore/v1/maintenance";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { type ReplicaApi, ReplicaError, type RpcLimits } from "../runtime/replica-api.ts";
import { RequestIntake } from "../runtime/request-intake.ts";
import { Admission } from "./admission.ts";
import { clusterRoutes } from "./cluster-service.ts";
import { ConnectHandler } from "./connect-handler.ts";
import { type ConnectionListener, createConnectionListener } from "./connection-listener.ts";
import { countWrites } from "./counted-writes.ts";
import { FastPath } from "./fast-path.ts";
import { healthRoutes } from "./health-service.ts";
import { KvCalls } from "./kv-calls.ts";
import { kvRoutes } from "./kv-service.ts";
import { type ListenAddress, listen } from "./listen.ts";
import { maintenanceRoutes } from "./maintenance-service.ts";
import { type NodeRequest, type NodeResponse, pathOf, refuseBody } from "./node-request.ts";
import { jsonAnswer, sendAnswer } from "./plain-answer.ts";
import { PlainRoutes } from "./plain-routes.ts";
import { reflectionRoutes } from "./reflection-service.ts";
import { RequestLog } from "./request-log.ts";
import { Sessions } from "./sessions.ts";
import { defaultTimeouts, type ServerTimeouts } from "./timeouts.ts";

export interface ClientServerOptions {
  readonly api: ReplicaApi;
  readonly limits: RpcLimits;
  readonly metrics: Metrics;
  readonly listen: ListenAddress;
  /** Names requests and tells of them; by default nobody is told. */
  readonly requests?: RequestLog | undefined;
  readonly log?: Logger | undefined;
  readonly timeouts?: Partial<ServerTimeouts>;
  /** False sends every call by the general road; for comparing the two. */
  readonly fastPath?: boolean;
}

export interface ClientServer {
  /** Where it listens; the port that was chosen when 0 was asked for. */
  readonly address: ListenAddress;
  /** Accepts nothing new, lets requests under way finish, and cuts off what is left after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

/** Opens the client port. Rejects with a FatalError when it cannot listen. */
export async function createClientServer(options: ClientServerOptions): Promise<ClientServer> {
  const server = new Server(options);
  const address = await server.listen();
  return { address, close: (graceMs) => server.close(graceMs ?? defaultGraceMs) };
}

const healthPollIntervalMs = 500;
const defaultGraceMs = 10_000;
const maxHeaderBytes = 16 * 1024;
/** More streams wait in the caller until others end; the bound on requests is the admission's. */
const maxConcurrentStreams = 4096;
const streamWindowBytes = 1024 * 1024;

class Server {
  readonly #options: ClientServerOptions;
  readonly #timeouts: ServerTimeouts;
  readonly #admission: Admission;
  readonly #sessions: Sessions;
  readonly #shutdown = new AbortController();
  readonly #sockets = new Set<Socket>();
  readonly #connect: ConnectHandler;
  readonly #fast: FastPath | undefined;
  readonly #plain: PlainRoutes;
  readonly #http1: HttpServer;
  readonly #http2: Http2Server;
  readonly #listener: ConnectionListener;
  readonly #net: NetServer;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: ClientServerOptions) {
    const { api, limits, metrics, log } = options;
    this.#options = options;
    this.#timeouts = { ...defaultTimeouts, ...options.timeouts };
    this.#admission = new Admission(limits, this.#timeouts);
    this.#sessions = new Sessions(this.#timeouts);
    const calls = new KvCalls(countWrites(api, metrics), limits, metrics.api.batchOperations);
    const service = { limits, log };
    const requests = options.requests ?? unheardRequests();
    this.#connect = new ConnectHandler({
      routes: [
        kvRoutes(calls, service),
        maintenanceRoutes(api, service),
        clusterRoutes(api, service),
        healthRoutes({
          api,
          whenReady: [KvService.typeName, ClusterService.typeName],
          always: [MaintenanceService.typeName],
          pollIntervalMs: healthPollIntervalMs,
        }),
        reflectionRoutes([KvService, MaintenanceService, ClusterService, Health]),
      ],
      limits,
      admission: this.#admission,
      metrics,
      requests,
      log,
      shutdown: this.#shutdown.signal,
    });
    if (options.fastPath ?? true) {
      this.#fast = new FastPath({ calls, limits, admission: this.#admission, metrics, requests, log });
    }
    this.#plain = new PlainRoutes({ api, calls, limits, admission: this.#admission, metrics, requests, log });
    this.#http1 = this.#createHttp1();
    this.#http2 = this.#createHttp2();
    this.#listener = createConnectionListener({
      http1: this.#http1,
      http2: this.#http2,
      firstBytesTimeoutMs: this.#timeouts.headersTimeoutMs,
    });
    this.#net = this.#createNet();
    metrics.readRpc(() => ({
      inflightRequests: this.#admission.requests,
      inflightBytes: this.#admission.bytes,
      connections: this.#sockets.size,
      limits,
    }));
  }

  async listen(): Promise<ListenAddress> {
    const address = await listen(this.#net, this.#options.listen, "clients");
    // The server of HTTP/1.1 does not listen itself; this starts its watch over slow headers and bodies.
    this.#http1.emit("listening");
    this.#sweeper = setInterval(() => this.#sweep(), this.#timeouts.sweepIntervalMs);
    this.#sweeper.unref();
    return address;
  }

  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#net.close(() => resolve()));
    this.#shutdown.abort(new ConnectError("the replica is shutting down", Code.Unavailable));
    this.#listener.closeUndecided();
    this.#sessions.close();
    this.#http1.closeIdleConnections();
    const deadline = setTimeout(() => this.#destroyConnections(), graceMs);
    await closed;
    clearTimeout(deadline);
    clearInterval(this.#sweeper);
    // Ends its watch; it never listened, which it reports as an error.
    this.#http1.close(() => {});
  }

  #createNet(): NetServer {
    const server = createNetServer({ noDelay: true, keepAlive: true, allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      this.#listener.accept(socket);
    });
    server.maxConnections = this.#options.limits.connectionsMax;
    server.on("drop", () => {
      const { metrics, log, limits } = this.#options;
      metrics.api.connectionsRefused.increment();
      log?.record("connection.refused", { limit: limits.connectionsMax });
    });
    return server;
  }

  #createHttp1(): HttpServer {
    const { headersTimeoutMs, bodyTimeoutMs, keepAliveTimeoutMs, sweepIntervalMs } = this.#timeouts;
    const server = createHttpServer({
      headersTimeout: headersTimeoutMs,
      requestTimeout: headersTimeoutMs + bodyTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: sweepIntervalMs,
      maxHeaderSize: maxHeaderBytes,
    });
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      if (this.#closing) response.shouldKeepAlive = false;
      response.once("close", () => {
        if (this.#closing) this.#http1.closeIdleConnections();
      });
      this.#handle(request, response);
    };
    server.on("request", handle);
    return server;
  }

  #createHttp2(): Http2Server {
    const server = createHttp2Server({
      maxSessionMemory: Math.max(64, Math.ceil(this.#options.limits.inflightMaxBytes / (1024 * 1024))),
      settings: {
        maxConcurrentStreams,
        initialWindowSize: streamWindowBytes,
        maxHeaderListSize: maxHeaderBytes,
        enablePush: false,
      },
    });
    // Never listens: its "stream" event wraps a stream in the request and response that the general road takes.
    const general = createHttp2Server();
    general.on("request", (request, response) => this.#handle(request, response));
    server.on("stream", (stream, headers, flags, rawHeaders) => {
      if (!this.#fast?.handle(stream as ServerHttp2Stream, headers))
        general.emit("stream", stream, headers, flags, rawHeaders);
    });
    server.on("session", (session) => this.#sessions.add(session));
    server.on("sessionError", (error) => this.#options.log?.record("connection.failed", { err: error }));
    return server;
  }

  get #closing(): boolean {
    return this.#shutdown.signal.aborted;
  }

  #handle(request: NodeRequest, response: NodeResponse): void {
    const path = pathOf(request);
    const handled =
      this.#connect.handle(path, request, response) || this.#plain.handle(path, request, response);
    if (!handled) answerNotFound(path, request, response);
  }

  #sweep(): void {
    const nowMs = performance.now();
    const cutOff = this.#admission.sweep(nowMs);
    if (cutOff > 0) this.#options.metrics.api.requestsCutOff.increment(cutOff);
    this.#sessions.sweep(nowMs);
  }

  #destroyConnections(): void {
    if (this.#sockets.size > 0) {
      this.#options.log?.record("connection.cut", { connections: this.#sockets.size });
    }
    for (const socket of this.#sockets) socket.destroy();
  }
}

function unheardRequests(): RequestLog {
  const intake = new RequestIntake({ random: Math.random });
  return new RequestLog({ intake, slowRequestMs: Number.POSITIVE_INFINITY });
}

/** In the way that the caller's protocol says it. */
function answerNotFound(path: string, request: NodeRequest, response: NodeResponse): void {
  refuseBody(request, response);
  const contentType = request.headers["content-type"] ?? "";
  if (contentType.startsWith("application/grpc")) {
    const headers = {
      "content-type": contentType,
      "grpc-status": String(Code.Unimplemented),
      "grpc-message": encodeURIComponent(`${path} is not a method of this replica`),
    };
    (response as ServerResponse).writeHead(200, headers).end();
    return;
  }
  const error = new ReplicaError(
    "unimplemented",
    "not found; try /status, /key/{key} or a method of rstore.v1",
  );
  const body = { error: "Not found", code: "unimplemented", message: error.message };
  sendAnswer(response, jsonAnswer(404, body), request.method === "HEAD");
}
