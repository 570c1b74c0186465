import { Code, type ConnectRouter, createConnectRouter, createContextValues } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { Health } from "@rstore/proto/grpc/health/v1/health";
import { MaintenanceService } from "@rstore/proto/rstore/v1/maintenance";
import type { Logger } from "../log.ts";
import type { MethodMetrics, Metrics } from "../metrics.ts";
import { ReplicaError, type RpcLimits } from "../runtime/replica-api.ts";
import type { RequestContext } from "../runtime/request-context.ts";
import { type Admission, type AdmittedRequest, envelopeBytes } from "./admission.ts";
import { callKey, type ReportTo, reportInternal } from "./call-context.ts";
import { isCompressed, requestCompressions } from "./compression.ts";
import { deadlineFrom, parseConnectTimeoutMs, parseGrpcTimeoutMs, unheardCode } from "./deadline.ts";
import { connectErrorFromReplicaError, limitExceeded, requestTooLarge } from "./errors.ts";
import {
  abortRequest,
  contentLength,
  type NodeRequest,
  type NodeResponse,
  refuseBody,
} from "./node-request.ts";
import { type RequestLog, requestIdHeader } from "./request-log.ts";

/** The most that a timer takes; longer ones fire at once. */
const timerMaxMs = 2 ** 31 - 1;

/** What says how the replica is, and asks nothing of it. */
const urgentServices = new Set([Health.typeName, MaintenanceService.typeName]);

export interface ConnectHandlerOptions {
  readonly routes: readonly ((router: ConnectRouter) => void)[];
  readonly limits: RpcLimits;
  readonly admission: Admission;
  readonly metrics: Metrics;
  readonly requests: RequestLog;
  readonly log?: Logger | undefined;
  /** Aborted when the server closes: streams end. */
  readonly shutdown: AbortSignal;
}

interface Route {
  /** Service and method. */
  readonly name: string;
  readonly handler: UniversalHandler;
  readonly metrics: MethodMetrics;
  readonly streaming: boolean;
  readonly urgent: boolean;
}

/**
 * The general road for Connect, gRPC and gRPC-Web over HTTP/1.1 and HTTP/2: admits a request, bounds its body,
 * and gives it to connect-es. The hot unary methods have a shorter one in fast-path.ts that must answer the same.
 */
export class ConnectHandler {
  readonly #options: ConnectHandlerOptions;
  readonly #routes = new Map<string, Route>();
  #streams = 0;

  constructor(options: ConnectHandlerOptions) {
    this.#options = options;
    const router = createConnectRouter({
      acceptCompression: requestCompressions(options.limits),
      // Answers are not compressed: their values are small or opaque, and compressing would hold up others.
      compressMinBytes: Number.MAX_SAFE_INTEGER,
      shutdownSignal: options.shutdown,
      requestGate: (context) => {
        const refusal = context.values.get(callKey)?.refusal;
        if (refusal) throw connectErrorFromReplicaError(refusal);
      },
    });
    for (const addRoutes of options.routes) addRoutes(router);
    for (const handler of router.handlers) {
      const { service, method, requestPath } = handler;
      const metrics = options.metrics.method(service.typeName, method.name);
      const streaming = method.methodKind !== "unary";
      const urgent = !streaming && urgentServices.has(service.typeName);
      const name = `${service.typeName}/${method.name}`;
      this.#routes.set(requestPath, { name, handler, metrics, streaming, urgent });
    }
  }

  /** Whether a method has this path; then the request is answered, now or later. */
  handle(path: string, request: NodeRequest, response: NodeResponse): boolean {
    const route = this.#routes.get(path);
    if (!route) return false;
    const exchange = new Exchange(route, request, response, this.#options);
    this.#admit(exchange);
    exchange.run().catch((reason: unknown) => {
      // What fails here is the connection: the caller went away.
      this.#options.log?.record("request.unanswered", { method: path, err: reason });
      abortRequest(request);
    });
    return true;
  }

  #admit(exchange: Exchange): void {
    const { admission, limits } = this.#options;
    const { request, route } = exchange;
    // Streams are long: a share of the places is kept for calls that end.
    const streamsMax = Math.max(1, Math.floor(limits.inflightMaxRequests / 10));
    if (route.streaming && this.#streams >= streamsMax) {
      exchange.refuse(limitExceeded("streams_max", streamsMax, "close a stream first"));
      return;
    }
    const admitted = admission.enter(exchange.arrivedMs, () => abortRequest(request), route.urgent);
    if (admitted instanceof ReplicaError) {
      exchange.refuse(admitted);
      return;
    }
    if (route.streaming) this.#streams++;
    exchange.admit(admitted, () => {
      admitted.leave();
      if (route.streaming) this.#streams--;
    });
    const declaredBytes = contentLength(request) ?? 0;
    if (declaredBytes > limits.requestMaxBytes + envelopeBytes) {
      exchange.refuse(requestTooLarge(limits.requestMaxBytes));
    } else if (isCompressed(request)) {
      const problem = admitted.reserve(limits.requestMaxBytes);
      if (problem) exchange.refuse(problem);
    }
  }
}

/** One request and its answer. */
class Exchange {
  readonly route: Route;
  readonly request: NodeRequest;
  readonly arrivedMs = performance.now();
  readonly #context: RequestContext;
  readonly #response: NodeResponse;
  readonly #options: ConnectHandlerOptions;
  #admitted: AdmittedRequest | undefined;
  #refusal: ReplicaError | undefined;
  #counted = false;
  /** As the caller asked for. */
  #timeoutMs: number | undefined;
  #worked: () => void = () => {};

  constructor(route: Route, request: NodeRequest, response: NodeResponse, options: ConnectHandlerOptions) {
    this.route = route;
    this.request = request;
    this.#response = response;
    this.#options = options;
    this.#context = options.requests.begin(request.headers, route.name);
  }

  /** `leave` is called once the work is done and the response is closed, whichever is later. */
  admit(admitted: AdmittedRequest, leave: () => void): void {
    this.#admitted = admitted;
    let waitingFor = 2;
    let unheard = "";
    const done = (): void => {
      waitingFor--;
      if (waitingFor > 0) return;
      this.#count(unheard);
      leave();
    };
    this.#response.once("close", () => {
      unheard = this.#unheard();
      done();
    });
    this.#worked = done;
  }

  /** When the caller goes now. */
  #unheard(): string {
    return unheardCode(performance.now() - this.arrivedMs, this.#timeoutMs);
  }

  get #reportTo(): ReportTo {
    return { log: this.#options.log, request: this.#context };
  }

  refuse(error: ReplicaError): void {
    this.#refusal = error;
    reportInternal(error, this.route.name, this.#reportTo);
    refuseBody(this.request, this.#response);
  }

  async run(): Promise<void> {
    let universal: UniversalServerResponse;
    try {
      universal = await this.route.handler(this.#universalRequest());
    } finally {
      this.#worked();
    }
    const body = this.#trackedBody(universal);
    universal.header?.set(requestIdHeader, this.#context.id);
    await universalResponseToNodeResponse({ ...universal, body }, this.#response);
  }

  #universalRequest(): UniversalServerRequest {
    const { limits } = this.#options;
    const isGrpc = this.request.headers["content-type"]?.startsWith("application/grpc") ?? false;
    const header = isGrpc ? "grpc-timeout" : "connect-timeout-ms";
    const timeout = this.request.headers[header];
    const parse = isGrpc ? parseGrpcTimeoutMs : parseConnectTimeoutMs;
    const timeoutMs = typeof timeout === "string" ? parse(timeout) : undefined;
    this.#timeoutMs = timeoutMs;
    const deadlineMs = deadlineFrom(this.arrivedMs, timeoutMs, limits);
    const values = createContextValues().set(callKey, {
      deadlineMs,
      request: this.#context,
      refusal: this.#refusal,
    });
    const universal = universalRequestFromNodeRequest(this.request, this.#response, undefined, values);
    const mostMs = this.route.streaming ? timerMaxMs : limits.maxTimeoutMs;
    if (timeoutMs !== undefined && timeoutMs > mostMs) {
      universal.header.set(header, isGrpc ? `${Math.ceil(mostMs / 1000)}S` : String(mostMs));
    }
    return { ...universal, body: this.#boundedBody() };
  }

  async *#boundedBody(): AsyncGenerator<Uint8Array> {
    // Destroying the request would take the connection along, and with it the answer.
    const chunks: AsyncIterable<Uint8Array> = this.request.iterator({ destroyOnReturn: false });
    if (this.route.streaming) this.#admitted?.received();
    for await (const chunk of chunks) {
      const problem = this.#admitted?.receive(chunk.length);
      if (problem) {
        refuseBody(this.request, this.#response);
        throw connectErrorFromReplicaError(reportInternal(problem, this.route.name, this.#reportTo));
      }
      yield chunk;
    }
    this.#admitted?.received();
  }

  async *#trackedBody(universal: UniversalServerResponse): AsyncGenerator<Uint8Array> {
    let code: string | undefined;
    let last: Uint8Array | undefined;
    try {
      for await (const chunk of (universal.body ?? []) as AsyncIterable<Uint8Array>) {
        last = chunk;
        if (!this.route.streaming) this.#admitted?.answered(chunk.length);
        yield chunk;
      }
      code = answerCode(universal, last);
    } finally {
      this.#count(code ?? this.#unheard());
    }
  }

  /** Once; what comes later is what closing a counted answer brings. */
  #count(code: string): void {
    if (this.#counted) return;
    this.#counted = true;
    this.route.metrics.finished(code, performance.now() - this.arrivedMs);
    this.#options.requests.finished(this.#context, this.route.name, code, this.arrivedMs);
  }
}

/** The code that a caller of any of the three protocols reads out of an answer. */
function answerCode(universal: UniversalServerResponse, last: Uint8Array | undefined): string {
  const contentType = universal.header?.get("content-type") ?? "";
  if (contentType.startsWith("application/grpc")) {
    const trailer = universal.trailer?.get("grpc-status");
    const status = trailer ?? /grpc-status: ?(\d+)/i.exec(Buffer.from(last ?? []).toString("latin1"))?.[1];
    return status === undefined || status === "0" ? "ok" : codeToString(Number(status));
  }
  if (universal.status === 200) return "ok";
  try {
    const { code } = JSON.parse(Buffer.from(last ?? []).toString()) as { code?: unknown };
    return typeof code === "string" ? code : codeToString(Code.Unknown);
  } catch {
    return codeToString(Code.Unknown);
  }
}
