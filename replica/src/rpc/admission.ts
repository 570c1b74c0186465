import type { ReplicaError, RpcLimits } from "../runtime/replica-api.ts";
import { limitExceeded, requestTooLarge } from "./errors.ts";

/** How long the stages of a request may take that no deadline of the caller covers. */
export interface AdmissionTimeouts {
  /** From the headers to the last byte of the body. */
  readonly bodyTimeoutMs: number;
  /** From the answer to its last byte being taken by the caller. */
  readonly sendTimeoutMs: number;
}

/** One request under way; leaves when its work is done and its answer is sent or given up. */
export class AdmittedRequest {
  readonly #admission: Admission;
  /** Ends the connection or stream that the request came by. */
  readonly abort: () => void;
  /** Bytes of the body so far. */
  receivedBytes = 0;
  /** Bytes held for it in all: body, reserve, answer. */
  heldBytes = 0;
  /** When the sweep ends it; on the clock of `performance.now()`. */
  expiresMs: number;
  #left = false;

  constructor(admission: Admission, abort: () => void, expiresMs: number) {
    this.#admission = admission;
    this.abort = abort;
    this.expiresMs = expiresMs;
  }

  /** Counts bytes of the body as they come. An error means: read no further. */
  receive(bytes: number): ReplicaError | undefined {
    return this.#admission.receive(this, bytes);
  }

  /** Counts what the request may grow to when it is unpacked. */
  reserve(bytes: number): ReplicaError | undefined {
    return this.#admission.reserve(this, bytes);
  }

  /** The body is complete: from here the caller's deadline bounds the time. */
  received(): void {
    this.expiresMs = Number.POSITIVE_INFINITY;
  }

  /** The answer is made; its bytes stay here until the caller takes them. */
  answered(bytes: number): void {
    this.#admission.answered(this, bytes);
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#admission.leave(this);
  }
}

/**
 * Bounds the requests under way, in number and bytes, over all connections. Memory that a caller can make the
 * replica hold is counted here: bodies as they arrive, answers until they are taken.
 */
export class Admission {
  readonly #limits: RpcLimits;
  readonly #timeouts: AdmissionTimeouts;
  readonly #requests = new Set<AdmittedRequest>();
  #bytes = 0;

  constructor(limits: RpcLimits, timeouts: AdmissionTimeouts) {
    this.#limits = limits;
    this.#timeouts = timeouts;
  }

  get requests(): number {
    return this.#requests.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a place for a request, or says why there is none. `abort` is called when it makes no progress. Urgent
   * requests have a few places more, so that a replica with its hands full can still say how it is.
   */
  enter(nowMs: number, abort: () => void, urgent = false): AdmittedRequest | ReplicaError {
    const { inflightMaxRequests, inflightMaxBytes } = this.#limits;
    if (this.#requests.size >= inflightMaxRequests + (urgent ? urgentPlaces : 0)) {
      return limitExceeded("inflight_max_requests", inflightMaxRequests, "try again when others are done");
    }
    if (this.#bytes >= inflightMaxBytes && !urgent) {
      return limitExceeded("inflight_max_bytes", inflightMaxBytes, "try again when others are done");
    }
    const request = new AdmittedRequest(this, abort, nowMs + this.#timeouts.bodyTimeoutMs);
    this.#requests.add(request);
    return request;
  }

  receive(request: AdmittedRequest, bytes: number): ReplicaError | undefined {
    const { requestMaxBytes } = this.#limits;
    request.receivedBytes += bytes;
    if (request.receivedBytes > requestMaxBytes + envelopeBytes) return requestTooLarge(requestMaxBytes);
    return this.reserve(request, bytes);
  }

  reserve(request: AdmittedRequest, bytes: number): ReplicaError | undefined {
    const { inflightMaxBytes } = this.#limits;
    if (this.#bytes + bytes > inflightMaxBytes) {
      return limitExceeded("inflight_max_bytes", inflightMaxBytes, "try again when others are done");
    }
    this.#count(request, bytes);
    return undefined;
  }

  answered(request: AdmittedRequest, bytes: number): void {
    request.expiresMs = performance.now() + this.#timeouts.sendTimeoutMs;
    this.#count(request, bytes);
  }

  leave(request: AdmittedRequest): void {
    this.#requests.delete(request);
    this.#bytes -= request.heldBytes;
  }

  /** Ends requests whose body does not come, or whose answer is not taken. */
  sweep(nowMs: number): number {
    let ended = 0;
    for (const request of this.#requests) {
      if (request.expiresMs > nowMs) continue;
      request.expiresMs = Number.POSITIVE_INFINITY;
      request.abort();
      ended++;
    }
    return ended;
  }

  #count(request: AdmittedRequest, bytes: number): void {
    request.heldBytes += bytes;
    this.#bytes += bytes;
  }
}

const urgentPlaces = 64;

/** gRPC puts five bytes before a message, which do not count against its size. */
export const envelopeBytes = 5;
