import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { ClusterService } from "@rstore/proto/rstore/v1/cluster";
import { KvService, type Operation } from "@rstore/proto/rstore/v1/kv";
import { MaintenanceService } from "@rstore/proto/rstore/v1/maintenance";
import { bytesFrom, keyAfter, prefixEnd } from "./bytes.ts";
import { type Endpoint, Endpoints, normalUrl } from "./endpoints.ts";
import { RstoreError } from "./errors.ts";
import { Lane, type OperationAnswer, PendingOperation } from "./lane.ts";
import { memberListFrom, statusFrom } from "./members.ts";
import {
  consistencyFrom,
  deleteOperation,
  deleteResult,
  getOperation,
  getResult,
  headerFrom,
  keyFrom,
  operationOverheadBytes,
  putOperation,
  putResult,
  rangeRequest,
  rangeResult,
} from "./operations.ts";
import { isRequestId } from "./request-id.ts";
import type { ClientTracing } from "./tracing/types.ts";
import type {
  AnswerHeader,
  BatchOperation,
  BatchResult,
  Bytes,
  CallOptions,
  DeleteOptions,
  DeleteResult,
  GetResult,
  HashResult,
  MemberList,
  PutOptions,
  PutResult,
  RangeOptions,
  RangePagesOptions,
  RangeResult,
  ReadOptions,
  ReplicaStatus,
  TlsOptions,
} from "./types.ts";
import { callUnary, type UnaryOptions } from "./unary.ts";

export interface ClientOptions {
  /** Client URLs of one or more replicas; the others are learned from them. */
  readonly endpoints: readonly string[];
  /** For a call with all its attempts. */
  readonly timeoutMs?: number;
  /** A read that was not answered by then is tried on another replica. */
  readonly readAttemptTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  /** Learn the members of the cluster, to go on when the given endpoints are gone. On by default. */
  readonly discover?: boolean;
  readonly tls?: TlsOptions;
  readonly batchMaxOperations?: number;
  readonly batchMaxBytes?: number;
  /** Requests under way at once, for writes and for each kind of read. */
  readonly inflightMaxRequests?: number;
  /** Calls that may wait in this client, for writes and for each kind of read. */
  readonly queueMaxOperations?: number;
  /** Told of calls and requests; see `@rstore/client/tracing`. */
  readonly tracing?: ClientTracing;
}

type Defaulted = Required<Omit<ClientOptions, "connectTimeoutMs" | "tls" | "endpoints" | "tracing">>;

const defaults: Defaulted = {
  timeoutMs: 5_000,
  readAttemptTimeoutMs: 1_500,
  discover: true,
  batchMaxOperations: 256,
  batchMaxBytes: 1_000_000,
  inflightMaxRequests: 4,
  queueMaxOperations: 100_000,
};

type ListOptions = CallOptions & Pick<ReadOptions, "consistency"> & { readonly endpoint?: string };

const discoverIntervalMs = 30_000;

/**
 * A client of one rstore cluster. It finds the leader and follows it, gathers calls into batches, tries
 * again what is safe to try again, and throws {@link RstoreError} otherwise. Calls that are under way at
 * the same moment have no order among them: await one before the next where order matters.
 */
export class Client {
  readonly #options: Defaulted;
  readonly #endpoints: Endpoints;
  readonly #writes: Lane;
  readonly #reads: Lane;
  readonly #serializableReads: Lane;
  readonly #tracing: ClientTracing | undefined;
  #discoveredMs = Number.NEGATIVE_INFINITY;

  constructor(options: ClientOptions) {
    const urls = options.endpoints.map((endpoint) => {
      const url = normalUrl(endpoint);
      if (url === "") throw new RstoreError("invalid-argument", `${endpoint} is not an http or https URL`);
      return url;
    });
    if (urls.length === 0) throw new RstoreError("invalid-argument", "give at least one endpoint");
    this.#options = { ...defaults, ...definedOf(options) };
    this.#tracing = options.tracing;
    const { connectTimeoutMs, tls } = options;
    this.#endpoints = new Endpoints(urls, {
      ...(connectTimeoutMs !== undefined && { connectTimeoutMs }),
      ...(tls !== undefined && { tls }),
    });
    this.#writes = this.#lane(true, (nowMs) => this.#endpoints.forLeader(nowMs));
    this.#reads = this.#lane(false, (nowMs) => this.#endpoints.forLeader(nowMs));
    this.#serializableReads = this.#lane(false, (nowMs) => this.#endpoints.any(nowMs));
  }

  /** The endpoints known now: those given and those learned. */
  get endpoints(): readonly string[] {
    return this.#endpoints.urls;
  }

  /** Where the leader takes clients, as far as known. */
  get leaderUrl(): string | undefined {
    return this.#endpoints.leaderUrl;
  }

  async put(key: Bytes, value: Bytes, options: PutOptions = {}): Promise<PutResult> {
    const keyBytes = keyFrom(key);
    const valueBytes = bytesFrom(value);
    const operation = putOperation(keyBytes, valueBytes, options);
    const size = keyBytes.length + valueBytes.length;
    const { result, header } = await this.#call(this.#writes, operation, size, options);
    if (result.case !== "put") throw unexpectedResult(result.case);
    return putResult(result.value, header);
  }

  async get(key: Bytes, options: ReadOptions = {}): Promise<GetResult> {
    const keyBytes = keyFrom(key);
    const lane = options.consistency === "serializable" ? this.#serializableReads : this.#reads;
    const operation = getOperation(keyBytes, options);
    const { result, header } = await this.#call(lane, operation, keyBytes.length, options);
    if (result.case !== "get") throw unexpectedResult(result.case);
    return getResult(result.value, header);
  }

  async delete(key: Bytes, options: DeleteOptions = {}): Promise<DeleteResult> {
    const keyBytes = keyFrom(key);
    const operation = deleteOperation(keyBytes, options);
    const { result, header } = await this.#call(this.#writes, operation, 2 * keyBytes.length, options);
    if (result.case !== "delete") throw unexpectedResult(result.case);
    return deleteResult(result.value, header);
  }

  /** Independent operations, each with its own end; it is not a transaction, and only failures are marked. */
  async batch(operations: readonly BatchOperation[], options: CallOptions = {}): Promise<BatchResult[]> {
    const one = async (operation: BatchOperation): Promise<BatchResult> => {
      const all = { ...operation, ...options };
      try {
        if (all.type === "put") return { type: "put", ...(await this.put(all.key, all.value, all)) };
        if (all.type === "get") return { type: "get", ...(await this.get(all.key, all)) };
        return { type: "delete", ...(await this.delete(all.key, all)) };
      } catch (error) {
        if (error instanceof RstoreError) return { type: "failed", error };
        throw error;
      }
    };
    return Promise.all(operations.map(one));
  }

  /** One page of keys, in order. */
  async range(options: RangeOptions = {}): Promise<RangeResult> {
    const response = await this.#unary(KvService.method.range, rangeRequest(options), {
      ...options,
      write: false,
      pick: this.#pickRead(options),
      header: ({ header }) => header,
    });
    return rangeResult(response);
  }

  /** All keys of a range, page by page, at the one revision that the first page read. */
  async *rangePages(options: RangePagesOptions = {}): AsyncGenerator<RangeResult, void, undefined> {
    const { prefix, pageSize, limit, ...rest } = options;
    if (prefix !== undefined) rangeRequest(options);
    const start = bytesFrom(prefix ?? rest.key ?? "");
    let key = start;
    let rangeEnd = prefix === undefined ? bytesFrom(rest.rangeEnd ?? "") : prefixEnd(start);
    let revision = rest.revision;
    let left = limit === undefined || limit === 0 ? Number.POSITIVE_INFINITY : limit;
    while (left > 0) {
      const count = Math.min(left, pageSize ?? Number.POSITIVE_INFINITY);
      const page = await this.range({
        ...rest,
        key,
        rangeEnd,
        limit: Number.isFinite(count) ? count : 0,
        ...(revision !== undefined && { revision }),
      });
      yield page;
      const last = page.keyValues.at(-1);
      if (!page.more || last === undefined) return;
      revision = page.revision;
      left -= page.keyValues.length;
      if (rest.reverse === true) rangeEnd = last.key;
      else key = keyAfter(last.key);
    }
  }

  /** Discards the history before a revision; the newest value of each key stays. */
  async compact(revision: bigint, options: CallOptions = {}): Promise<AnswerHeader> {
    const response = await this.#unary(
      KvService.method.compact,
      { revision },
      {
        ...options,
        write: true,
        pick: (nowMs) => this.#endpoints.forLeader(nowMs),
        header: ({ header }) => header,
      },
    );
    return headerFrom(response.header);
  }

  /** How a replica is: the one at `endpoint`, or any. */
  async status(options: CallOptions & { readonly endpoint?: string } = {}): Promise<ReplicaStatus> {
    const response = await this.#unary(
      MaintenanceService.method.status,
      {},
      { ...options, write: false, pick: this.#pickAt(options.endpoint), header: ({ header }) => header },
    );
    return statusFrom(response);
  }

  /** Equal on replicas with the same data, for the same revision and compacted revision. */
  async hash(
    options: CallOptions & { readonly endpoint?: string; readonly revision?: bigint } = {},
  ): Promise<HashResult> {
    const response = await this.#unary(
      MaintenanceService.method.hash,
      { revision: options.revision ?? 0n },
      { ...options, write: false, pick: this.#pickAt(options.endpoint), header: ({ header }) => header },
    );
    const { hash, revision, compactedRevision, appliedIndex, header } = response;
    return { header: headerFrom(header), hash, revision, compactedRevision, appliedIndex };
  }

  /** Answered by the leader where it can be found, since only the leader knows how far the others are. */
  async listMembers(options: ListOptions = {}): Promise<MemberList> {
    return this.#listMembers(options, false);
  }

  /** `asked`: a follower has answered and named the leader already. */
  async #listMembers(options: ListOptions, asked: boolean): Promise<MemberList> {
    const at = options.endpoint === undefined ? this.#pickRead(options) : this.#pickAt(options.endpoint);
    const response = await this.#unary(
      ClusterService.method.listMembers,
      { consistency: consistencyFrom(options) },
      { ...options, write: false, pick: at, header: ({ header }) => header },
    );
    const list = memberListFrom(response);
    this.#endpoints.learn(list.members.map(({ clientUrl }) => clientUrl));
    const { leaderId, memberId } = list.header;
    const anywhere = options.endpoint === undefined && options.consistency !== "serializable";
    if (!anywhere || asked || leaderId === 0n || leaderId === memberId) return list;
    return this.#listMembers(options, true);
  }

  /** Closes all connections; calls under way fail. */
  close(): void {
    this.#endpoints.close();
  }

  #lane(write: boolean, pick: (nowMs: number) => Endpoint): Lane {
    const { batchMaxOperations, batchMaxBytes, inflightMaxRequests } = this.#options;
    const { queueMaxOperations, readAttemptTimeoutMs } = this.#options;
    return new Lane({
      write,
      endpoints: this.#endpoints,
      pick,
      batchMaxOperations,
      batchMaxBytes,
      inflightMaxRequests,
      queueMaxOperations,
      readAttemptTimeoutMs,
      onAnswer: () => this.#maybeDiscover(),
      tracing: this.#tracing,
    });
  }

  #call(
    lane: Lane,
    operation: Operation,
    payloadBytes: number,
    options: CallOptions,
  ): Promise<OperationAnswer> {
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    const { signal, requestId } = options;
    if (requestId !== undefined && !isRequestId(requestId)) return Promise.reject(invalidRequestId());
    const span = this.#tracing?.call(operation.operation.case ?? "call");
    const pending = new PendingOperation(operation, payloadBytes + operationOverheadBytes, {
      timeoutMs,
      requestId,
      span,
    });
    if (signal === undefined) return lane.add(pending);
    const cancel = () => lane.cancel(pending, signal.reason);
    if (signal.aborted) {
      cancel();
      return pending.answer;
    }
    signal.addEventListener("abort", cancel, { once: true });
    return lane.add(pending).finally(() => signal.removeEventListener("abort", cancel));
  }

  #pickRead(options: ReadOptions): (nowMs: number) => Endpoint {
    if (options.consistency === "serializable") return (nowMs) => this.#endpoints.any(nowMs);
    return (nowMs) => this.#endpoints.forLeader(nowMs);
  }

  #pickAt(endpoint: string | undefined): (nowMs: number) => Endpoint {
    if (endpoint === undefined) return (nowMs) => this.#endpoints.any(nowMs);
    return () => this.#endpoints.at(endpoint);
  }

  #unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: Omit<UnaryOptions<O>, "timeoutMs"> & CallOptions,
  ): Promise<MessageShape<O>> {
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    const { requestId } = options;
    if (requestId !== undefined && !isRequestId(requestId)) return Promise.reject(invalidRequestId());
    const tracing = this.#tracing;
    return callUnary(this.#endpoints, method, request, { ...options, timeoutMs, tracing });
  }

  #maybeDiscover(): void {
    const nowMs = performance.now();
    if (!this.#options.discover || nowMs - this.#discoveredMs < discoverIntervalMs) return;
    this.#discoveredMs = nowMs;
    // What can't be learned now is learned at the next occasion; the calls themselves report failures.
    this.listMembers({ consistency: "serializable" }).catch(() => {});
  }
}

function invalidRequestId(): RstoreError {
  const message = "requestId must be 1 to 64 letters, digits or any of ._:/+=@-";
  return new RstoreError("invalid-argument", message, { facts: { subject: "requestId" } });
}

function unexpectedResult(type: string | undefined): RstoreError {
  return new RstoreError("internal", `the replica answered with a result of another type (${type})`, {
    outcome: "unknown",
  });
}

/** Options without those that are undefined, so that they don't hide a default. */
function definedOf<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
