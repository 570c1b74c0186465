import * as http2 from "node:http2";
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorDetailSchema } from "@rstore/proto/rstore/v1/kv";
import { AttemptError, attemptErrorFromAnswer } from "./attempt-error.ts";
import type { TlsOptions } from "./types.ts";

export interface ConnectionOptions {
  readonly connectTimeoutMs: number;
  /** Calls are under way and nothing arrived for this long: a ping is sent. */
  readonly pingIntervalMs: number;
  /** Intervals without an answer to the ping after which the connection is given up. */
  readonly pingMaxMissed: number;
  readonly responseMaxBytes: number;
  readonly tls?: TlsOptions;
}

export interface RequestOptions {
  readonly timeoutMs: number;
  /** What the server is told. */
  readonly serverTimeoutMs: number;
  /** Names it in the logs of replicas. */
  readonly requestId: string;
  /** The header of W3C Trace Context. */
  readonly traceParent: string | undefined;
}

export const defaultConnectionOptions: ConnectionOptions = {
  connectTimeoutMs: 2_000,
  pingIntervalMs: 500,
  pingMaxMissed: 3,
  responseMaxBytes: 64 * 1024 * 1024,
};

/** Different in each request: in the table of the compression they would only push out what repeats. */
const neverIndexed = ["x-request-id", "traceparent"];
const streamWindowBytes = 4 * 1024 * 1024;
const sessionWindowBytes = 16 * 1024 * 1024;

/**
 * One HTTP/2 connection to a replica's client port, and unary calls of the Connect protocol on it. It uses
 * node:http2 as it is: through connect-node's transport a call costs several times as much.
 * A process may end while a connection is idle.
 */
export class Connection {
  readonly url: string;
  readonly #options: ConnectionOptions;
  #session: Session | undefined;
  #closed = false;

  constructor(url: string, options: Partial<ConnectionOptions> = {}) {
    this.url = url;
    this.#options = { ...defaultConnectionOptions, ...options };
  }

  /** Calls under way. */
  get inflight(): number {
    return this.#session?.inflight ?? 0;
  }

  /**
   * Sends a request and returns the body of the answer. Rejects with {@link AttemptError}, which says
   * whether the server may have acted on the request.
   */
  async call(
    path: string,
    body: Uint8Array,
    { timeoutMs, serverTimeoutMs, requestId, traceParent }: RequestOptions,
  ): Promise<Uint8Array> {
    if (this.#closed) throw new AttemptError("closed", "the client is closed", { applied: "no" });
    let session = this.#session;
    if (session === undefined || !session.usable) {
      session = new Session(this.url, this.#options);
      this.#session = session;
    }
    const begun = performance.now();
    await session.opened;
    const spentMs = performance.now() - begun;
    if (spentMs >= timeoutMs) {
      throw new AttemptError("deadline-exceeded", `no connection to ${this.url} in time`, { applied: "no" });
    }
    return session.call(path, body, {
      timeoutMs: timeoutMs - spentMs,
      serverTimeoutMs: Math.max(1, serverTimeoutMs - spentMs),
      requestId,
      traceParent,
    });
  }

  /** Ends the connection; calls under way fail. */
  close(): void {
    this.#closed = true;
    this.#session?.destroy("the client was closed");
    this.#session = undefined;
  }
}

class Session {
  readonly opened: Promise<void>;
  inflight = 0;
  readonly #url: string;
  readonly #options: ConnectionOptions;
  readonly #session: http2.ClientHttp2Session;
  #usable = true;
  #failure = "the connection was closed";
  /** Streams above it were not looked at by the server, which is going away. */
  #lastStreamId = Number.POSITIVE_INFINITY;
  #heard = false;
  #pingsMissed = 0;
  #watch: NodeJS.Timeout | undefined;

  constructor(url: string, options: ConnectionOptions) {
    this.#url = url;
    this.#options = options;
    this.#session = http2.connect(new URL(url).origin, {
      ...options.tls,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
      maxSessionMemory: 256,
    });
    this.opened = this.#open();
    this.#session.on("goaway", (_code, lastStreamId) => {
      this.#usable = false;
      this.#lastStreamId = lastStreamId;
    });
    this.#session.on("close", () => {
      this.#usable = false;
      clearInterval(this.#watch);
    });
    this.#session.on("error", (error) => {
      this.#usable = false;
      this.#failure = error.message;
    });
  }

  get usable(): boolean {
    return this.#usable && !this.#session.closed && !this.#session.destroyed;
  }

  async #open(): Promise<void> {
    const session = this.#session;
    const { connectTimeoutMs } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.destroy(`no connection within ${connectTimeoutMs} ms`);
      }, connectTimeoutMs);
      // A stopped process's kernel still accepts connections; settings come from the process itself.
      session.once("remoteSettings", () => {
        clearTimeout(timer);
        session.setLocalWindowSize(sessionWindowBytes);
        this.#idle();
        resolve();
      });
      session.once("close", () => {
        clearTimeout(timer);
        reject(
          new AttemptError("unavailable", `can't connect to ${this.#url}: ${this.#failure}`, {
            applied: "no",
            endpointFailed: true,
          }),
        );
      });
    });
  }

  call(path: string, body: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    const { timeoutMs, serverTimeoutMs, requestId, traceParent } = options;
    return new Promise((resolve, reject) => {
      let stream: http2.ClientHttp2Stream;
      try {
        stream = this.#session.request({
          ":method": "POST",
          ":path": path,
          "content-type": "application/proto",
          "connect-protocol-version": "1",
          "connect-timeout-ms": Math.ceil(serverTimeoutMs).toString(),
          "x-request-id": requestId,
          ...(traceParent !== undefined && { traceparent: traceParent }),
          [http2.sensitiveHeaders]: neverIndexed,
        });
      } catch (cause) {
        reject(this.#failed("no", this.#failure, cause));
        return;
      }
      this.#begin();
      const answer = new Answer(this.#options.responseMaxBytes);
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        stream.close(http2.constants.NGHTTP2_CANCEL);
      }, timeoutMs);
      stream.on("response", (headers) => {
        answer.status = headers[":status"] ?? 0;
        answer.contentType = headers["content-type"] ?? "";
      });
      stream.on("data", (chunk: Uint8Array) => {
        this.#heard = true;
        if (!answer.add(chunk)) stream.close(http2.constants.NGHTTP2_CANCEL);
      });
      stream.on("end", () => {
        answer.ended = true;
      });
      let cause: unknown;
      stream.on("error", (error) => {
        cause = error;
      });
      stream.on("close", () => {
        clearTimeout(timer);
        this.#end();
        if (answer.complete) settle(answer, this.#url, resolve, reject);
        else if (answer.tooLarge) reject(responseTooLarge(this.#url, this.#options.responseMaxBytes));
        else if (timedOut) reject(timeout(this.#url, timeoutMs));
        else reject(this.#failed(this.#wasSeen(stream) ? "maybe" : "no", this.#failure, cause));
      });
      stream.end(body);
    });
  }

  destroy(failure: string): void {
    this.#usable = false;
    this.#failure = failure;
    this.#session.destroy();
  }

  /** Whether the server may have acted on a stream that ended without an answer. */
  #wasSeen(stream: http2.ClientHttp2Stream): boolean {
    const { id } = stream;
    if (id === undefined || id > this.#lastStreamId) return false;
    return stream.rstCode !== http2.constants.NGHTTP2_REFUSED_STREAM;
  }

  #failed(applied: "no" | "maybe", failure: string, cause: unknown): AttemptError {
    const message = `the connection to ${this.#url} failed: ${failure}`;
    return new AttemptError("unavailable", message, { applied, endpointFailed: true, cause });
  }

  #begin(): void {
    this.inflight++;
    if (this.inflight > 1) return;
    this.#session.ref();
    this.#heard = true;
    this.#pingsMissed = 0;
    this.#watch = setInterval(() => this.#checkAlive(), this.#options.pingIntervalMs);
    this.#watch.unref();
  }

  #end(): void {
    this.inflight--;
    if (this.inflight === 0) this.#idle();
  }

  #idle(): void {
    clearInterval(this.#watch);
    if (this.inflight === 0 && !this.#session.destroyed) this.#session.unref();
  }

  /**
   * A paused or cut-off replica says nothing and closes nothing. Intervals are counted, not time, so that
   * a pause of this process does not look like one of the replica.
   */
  #checkAlive(): void {
    if (this.#session.destroyed) return;
    if (this.#heard) {
      this.#heard = false;
      this.#pingsMissed = 0;
      return;
    }
    if (this.#pingsMissed >= this.#options.pingMaxMissed) {
      this.destroy("the replica does not answer pings");
      return;
    }
    if (this.#pingsMissed === 0) {
      this.#session.ping((error) => {
        if (error === null) this.#heard = true;
      });
    }
    this.#pingsMissed++;
  }
}

/** The answer to a call as it arrives. */
class Answer {
  status = 0;
  contentType = "";
  ended = false;
  tooLarge = false;
  readonly #chunks: Uint8Array[] = [];
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get complete(): boolean {
    return this.ended && this.status !== 0 && !this.tooLarge;
  }

  get body(): Uint8Array {
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
  }

  /** False when the answer grows beyond its limit. */
  add(chunk: Uint8Array): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) this.tooLarge = true;
    else this.#chunks.push(chunk);
    return !this.tooLarge;
  }
}

function settle(
  answer: Answer,
  url: string,
  resolve: (body: Uint8Array) => void,
  reject: (error: AttemptError) => void,
): void {
  if (answer.status === 200 && answer.contentType.startsWith("application/proto")) resolve(answer.body);
  else reject(attemptErrorFromBody(answer, url));
}

/** https://connectrpc.com/docs/protocol#error-codes */
const codes: Readonly<Record<string, number>> = {
  canceled: 1,
  unknown: 2,
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  resource_exhausted: 8,
  failed_precondition: 9,
  aborted: 10,
  out_of_range: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  data_loss: 15,
  unauthenticated: 16,
};

function attemptErrorFromBody(answer: Answer, url: string): AttemptError {
  const error = parseError(answer);
  if (error === undefined) {
    const what = `${url} answered HTTP ${answer.status} (${answer.contentType || "no content type"})`;
    return new AttemptError("unavailable", `${what}; is it an rstore client port?`, {
      applied: "maybe",
      endpointFailed: true,
    });
  }
  const detail = error.details.find(({ type }) => type === ErrorDetailSchema.typeName);
  return attemptErrorFromAnswer(
    codes[error.code] ?? 2,
    error.message,
    detail === undefined ? undefined : fromBinary(ErrorDetailSchema, Buffer.from(detail.value, "base64")),
  );
}

interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: string }[];
}

function parseError(answer: Answer): ErrorBody | undefined {
  if (!answer.contentType.startsWith("application/json")) return undefined;
  try {
    const body = JSON.parse(Buffer.from(answer.body).toString()) as Partial<ErrorBody>;
    if (typeof body.code !== "string") return undefined;
    return { code: body.code, message: body.message ?? body.code, details: body.details ?? [] };
  } catch {
    return undefined;
  }
}

function timeout(url: string, timeoutMs: number): AttemptError {
  return new AttemptError("deadline-exceeded", `no answer from ${url} within ${Math.round(timeoutMs)} ms`, {
    applied: "maybe",
  });
}

function responseTooLarge(url: string, maxBytes: number): AttemptError {
  return new AttemptError("too-large", `the answer of ${url} is larger than ${maxBytes} bytes`, {
    applied: "maybe",
    facts: { subject: "responseMaxBytes", limit: BigInt(maxBytes) },
  });
}
