import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  sensitiveHeaders,
} from "node:http2";
import type { DescMessage, DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import { toBinary } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, codeToString } from "@connectrpc/connect/protocol-connect";
import { KvService } from "@rstore/proto/rstore/v1/kv";
import type { Logger } from "../log.ts";
import type { MethodMetrics, Metrics } from "../metrics.ts";
import { type CallOptions, ReplicaError, type RpcLimits } from "../runtime/replica-api.ts";
import type { RequestContext } from "../runtime/request-context.ts";
import { type Admission, type AdmittedRequest, envelopeBytes } from "./admission.ts";
import { callOptions, reportInternal } from "./call-context.ts";
import { isCompressed } from "./compression.ts";
import { deadlineFrom, parseConnectTimeoutMs, parseGrpcTimeoutMs, unheardCode } from "./deadline.ts";
import { connectErrorFromReplicaError } from "./errors.ts";
import type { KvCalls } from "./kv-calls.ts";
import { closeWhenAnswered } from "./node-request.ts";
import { type RequestLog, requestIdHeader } from "./request-log.ts";
import {
  connectErrorBody,
  decodeGrpcRequest,
  decodeMessage,
  encodeGrpcResponse,
  grpcErrorTrailers,
} from "./unary-wire.ts";

export interface FastPathOptions {
  readonly calls: KvCalls;
  readonly limits: RpcLimits;
  readonly admission: Admission;
  readonly metrics: Metrics;
  readonly requests: RequestLog;
  readonly log?: Logger | undefined;
}

interface Method {
  /** With its service. */
  readonly name: string;
  readonly metrics: MethodMetrics;
  readonly input: DescMessage;
  readonly output: DescMessage;
  readonly run: (request: MessageShape<DescMessage>, call: CallOptions) => Promise<MessageShape<DescMessage>>;
}

type Protocol = "grpc" | "connect";

const protocols: Readonly<Record<string, Protocol>> = {
  "application/grpc": "grpc",
  "application/grpc+proto": "grpc",
  "application/proto": "connect",
};

/**
 * The short road of the hot unary methods over HTTP/2: a bare stream, protobuf-es, and no layer between. It takes
 * only what is ordinary, before reading anything: whatever is not goes by the general road (connect-handler.ts),
 * so that each answers what it knows how to answer, and both the same.
 */
export class FastPath {
  readonly #options: FastPathOptions;
  readonly #methods = new Map<string, Method>();

  constructor(options: FastPathOptions) {
    this.#options = options;
    const { calls } = options;
    this.#add(KvService.method.put, (request, call) => calls.put(request, call));
    this.#add(KvService.method.get, (request, call) => calls.get(request, call));
    this.#add(KvService.method.range, (request, call) => calls.range(request, call));
    this.#add(KvService.method.delete, (request, call) => calls.delete(request, call));
    this.#add(KvService.method.batch, (request, call) => calls.batch(request, call));
  }

  #add<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    run: (request: MessageShape<Input>, call: CallOptions) => Promise<MessageShape<Output>>,
  ): void {
    this.#methods.set(`/${method.parent.typeName}/${method.name}`, {
      name: `${method.parent.typeName}/${method.name}`,
      metrics: this.#options.metrics.method(method.parent.typeName, method.name),
      input: method.input,
      output: method.output,
      // What `input` decodes is what `run` takes; the map of methods cannot say so.
      run: run as unknown as Method["run"],
    });
  }

  /** Whether the stream is taken; else nothing of it was touched. */
  handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
    const method = this.#methods.get(headers[":path"] ?? "");
    if (method === undefined || headers[":method"] !== "POST") return false;
    const protocol = protocols[headers["content-type"] ?? ""];
    if (protocol === undefined || isCompressed({ headers })) return false;
    const { limits, requests } = this.#options;
    const declaredBytes = headers["content-length"];
    if (declaredBytes !== undefined && Number(declaredBytes) > limits.requestMaxBytes + envelopeBytes) {
      return false;
    }
    const timeoutMs = timeoutFrom(headers, protocol);
    if (timeoutMs === "malformed") return false;
    const context = requests.begin(headers, method.name);
    new FastCall({ stream, method, protocol, timeoutMs, context }, this.#options).start();
    return true;
  }
}

function timeoutFrom(headers: IncomingHttpHeaders, protocol: Protocol): number | undefined | "malformed" {
  const value = headers[protocol === "grpc" ? "grpc-timeout" : "connect-timeout-ms"];
  if (value === undefined) return undefined;
  if (typeof value !== "string") return "malformed";
  return (protocol === "grpc" ? parseGrpcTimeoutMs(value) : parseConnectTimeoutMs(value)) ?? "malformed";
}

interface FastRequest {
  readonly stream: ServerHttp2Stream;
  readonly method: Method;
  readonly protocol: Protocol;
  readonly timeoutMs: number | undefined;
  readonly context: RequestContext;
}

const okTrailers = { "grpc-status": "0" };
/** Different in each answer: in the table of the compression it would only push out what repeats. */
const neverIndexed = [requestIdHeader];
const withTrailers = { waitForTrailers: true };
const noBytes = Buffer.alloc(0);

/** One call from its headers to its trailers. */
class FastCall {
  readonly #request: FastRequest;
  readonly #options: FastPathOptions;
  readonly #arrivedMs = performance.now();
  #admitted: AdmittedRequest | undefined;
  /** Nearly every request is one chunk. */
  #chunks: Buffer[] = [];
  #answered = false;
  #working = false;
  #closed = false;
  /** What it is counted as when it is closed without an answer. */
  #unheard = "";

  constructor(request: FastRequest, options: FastPathOptions) {
    this.#request = request;
    this.#options = options;
  }

  start(): void {
    const { stream } = this.#request;
    stream.on("error", ignore);
    const admitted = this.#options.admission.enter(this.#arrivedMs, () => {
      stream.close(constants.NGHTTP2_CANCEL);
    });
    if (admitted instanceof ReplicaError) {
      this.#fail(this.#connectError(admitted));
      return;
    }
    this.#admitted = admitted;
    stream.on("close", () => this.#close());
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("end", () => {
      if (!this.#answered) this.#run();
    });
  }

  #receive(chunk: Buffer): void {
    if (this.#answered) return;
    const problem = this.#admitted!.receive(chunk.length);
    if (problem) {
      this.#fail(this.#connectError(problem));
      return;
    }
    this.#chunks.push(chunk);
  }

  #run(): void {
    const { method, protocol, timeoutMs, context } = this.#request;
    this.#admitted!.received();
    let work: Promise<MessageShape<DescMessage>>;
    try {
      const decode = protocol === "grpc" ? decodeGrpcRequest : decodeMessage;
      const message = decode(method.input, this.#takeBody());
      const deadlineMs = deadlineFrom(this.#arrivedMs, timeoutMs, this.#options.limits);
      work = method.run(message, callOptions(deadlineMs, context));
    } catch (thrown) {
      this.#fail(this.#connectError(thrown));
      return;
    }
    this.#working = true;
    work.then(
      (response) => this.#succeed(response),
      (thrown: unknown) => {
        this.#worked();
        this.#fail(this.#connectError(thrown));
      },
    );
  }

  #takeBody(): Buffer {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }

  #succeed(response: MessageShape<DescMessage>): void {
    this.#worked();
    const { stream, method, protocol, context } = this.#request;
    if (this.#closed) return;
    try {
      if (protocol === "grpc") {
        const body = encodeGrpcResponse(method.output, response);
        stream.respond(this.#grpcHeaders(), withTrailers);
        stream.on("wantTrailers", sendOkTrailers);
        this.#end(body);
      } else {
        const body = toBinary(method.output, response);
        stream.respond({
          ":status": 200,
          "content-type": "application/proto",
          "content-length": body.length,
          [requestIdHeader]: context.id,
          [sensitiveHeaders]: neverIndexed,
        });
        this.#end(body);
      }
    } catch (thrown) {
      if (stream.headersSent) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      else this.#fail(this.#connectError(thrown));
      return;
    }
    this.#finish("ok");
  }

  #finish(code: string): void {
    const { method, context } = this.#request;
    method.metrics.finished(code, performance.now() - this.#arrivedMs);
    this.#options.requests.finished(context, method.name, code, this.#arrivedMs);
  }

  #grpcHeaders(): OutgoingHttpHeaders {
    const id = this.#request.context.id;
    return {
      ":status": 200,
      "content-type": "application/grpc+proto",
      [requestIdHeader]: id,
      [sensitiveHeaders]: neverIndexed,
    };
  }

  #fail(error: ConnectError): void {
    const { stream, method, context } = this.#request;
    if (this.#closed || stream.destroyed || stream.closed) return;
    this.#finish(codeToString(error.code));
    try {
      this.#sendError(error);
    } catch (thrown) {
      // Nothing may be thrown out of here: it would end the process.
      this.#options.log?.record("request.failed", { request: context.id, method: method.name, err: thrown });
      this.#answered = true;
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  #sendError(error: ConnectError): void {
    const { stream, protocol, context } = this.#request;
    if (protocol === "grpc") {
      const trailers = grpcErrorTrailers(error);
      stream.respond(this.#grpcHeaders(), withTrailers);
      stream.on("wantTrailers", () => stream.sendTrailers(trailers));
      this.#end(noBytes);
    } else {
      const body = connectErrorBody(error);
      stream.respond({
        ":status": codeToHttpStatus(error.code),
        "content-type": "application/json",
        "content-length": body.length,
        [requestIdHeader]: context.id,
        [sensitiveHeaders]: neverIndexed,
      });
      this.#end(body);
    }
  }

  #end(body: Uint8Array): void {
    const { stream } = this.#request;
    this.#answered = true;
    this.#chunks = [];
    this.#admitted?.answered(body.length);
    stream.end(body);
    if (stream.readableEnded) return;
    stream.pause();
    closeWhenAnswered(stream);
  }

  #connectError(thrown: unknown): ConnectError {
    if (thrown instanceof ConnectError) return thrown;
    const { method, context } = this.#request;
    const to = { log: this.#options.log, request: context };
    return connectErrorFromReplicaError(reportInternal(thrown, method.name, to));
  }

  #worked(): void {
    this.#working = false;
    if (this.#closed) this.#leave();
  }

  #close(): void {
    this.#closed = true;
    this.#unheard = unheardCode(performance.now() - this.#arrivedMs, this.#request.timeoutMs);
    // Work goes on although nobody waits for it: it keeps its place, so that calls that are made and
    // cancelled over and over are bounded too.
    if (!this.#working) this.#leave();
  }

  #leave(): void {
    this.#admitted!.leave();
    if (this.#answered) return;
    this.#finish(this.#unheard);
  }
}

function ignore(): void {
  // The stream's "close" follows, and ends the call.
}

function sendOkTrailers(this: ServerHttp2Stream): void {
  this.sendTrailers(okTrailers);
}
