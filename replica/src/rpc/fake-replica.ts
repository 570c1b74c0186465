import type { WriteOperation, WriteResult } from "../apply/operation.ts";
import type { KeyValue } from "../mvcc/types.ts";
import {
  type AnswerState,
  type CallOptions,
  type HashAnswer,
  type Identity,
  type MemberListing,
  type RangeAnswer,
  type RangeRequest,
  type ReadOptions,
  type ReplicaApi,
  ReplicaError,
  type ReplicaStatus,
  type RpcLimits,
  type TargetMember,
  type WriteOptions,
  type WriteOutcome,
} from "../runtime/replica-api.ts";

export const testLimits: RpcLimits = {
  requestMaxBytes: 64 * 1024,
  responseMaxBytes: 256 * 1024,
  inflightMaxRequests: 1000,
  inflightMaxBytes: 16 * 1024 * 1024,
  connectionsMax: 100,
  batchMaxOperations: 100,
  defaultTimeoutMs: 5000,
  maxTimeoutMs: 60_000,
};

/** A call that the fake was made to record. */
export interface RecordedCall {
  readonly name: string;
  readonly options: unknown;
  readonly size?: number;
}

/**
 * A replica in memory, for tests and benchmarks of the RPC layer: one map, no history, no consensus. `before` runs
 * at the start of every write and read, and may throw or wait.
 */
export class FakeReplica implements ReplicaApi {
  readonly store = new Map<string, KeyValue>();
  readonly calls: RecordedCall[] = [];
  recording = true;
  revision = 0n;
  state: Omit<AnswerState, "revision"> = {
    clusterId: 0xc1n,
    memberId: 0xa1n,
    leaderId: 0xa1n,
    leaderClientUrl: "http://leader:4001",
    term: 7n,
  };
  role: ReplicaStatus["role"] = "leader";
  notReady: string[] = [];
  compactedRevision = 0n;
  before: (call: RecordedCall) => Promise<void> | void = () => {};

  answerState(): AnswerState {
    return { ...this.state, revision: this.revision };
  }

  identity(): Identity {
    const { clusterId, memberId } = this.state;
    const urls = { peerUrl: "http://fake:4101", clientUrl: "http://fake:4001" };
    return { memberId, clusterId, name: "fake", ...urls, incarnation: 1n, removedIndex: undefined };
  }

  status(): ReplicaStatus {
    return {
      version: "0.0.0-test",
      role: this.role,
      firstIndex: 1n,
      lastIndex: 9n,
      commitIndex: 8n,
      appliedIndex: 8n,
      durableAppliedIndex: 5n,
      configurationIndex: 2n,
      joint: false,
      compactedRevision: this.compactedRevision,
      totalKeys: this.store.size,
      storeBytesUsed: 4096,
      storeBytesQuota: 1 << 30,
      logBytesUsed: 8192,
      diskBytesAvailable: 1 << 30,
      diskRefused: false,
      problems: [],
    };
  }

  readiness(): readonly string[] {
    return this.notReady;
  }

  async write(
    operations: readonly WriteOperation[],
    options: WriteOptions,
  ): Promise<readonly WriteOutcome[]> {
    await this.#record({ name: "write", options, size: operations.length });
    return operations.map((operation) => this.#apply(operation));
  }

  async awaitReadable(options: ReadOptions): Promise<void> {
    await this.#record({ name: "awaitReadable", options });
  }

  get(key: Uint8Array, revision: bigint | undefined): KeyValue | undefined {
    this.#checkRevision(revision);
    return this.store.get(keyText(key));
  }

  async range(request: RangeRequest, _options: CallOptions): Promise<RangeAnswer> {
    this.#checkRevision(request.revision);
    const keyValues = [...this.store.values()]
      .filter(({ key }) => isWithin(key, request))
      .sort((a, b) => Buffer.compare(a.key, b.key) * (request.reverse ? -1 : 1));
    const { revision } = this;
    if (request.countOnly) return { keyValues: [], count: keyValues.length, more: false, revision };
    const taken = request.limit === 0 ? keyValues : keyValues.slice(0, request.limit);
    const shown = request.keysOnly ? taken.map((kv) => ({ ...kv, value: new Uint8Array(0) })) : taken;
    return { keyValues: shown, count: shown.length, more: shown.length < keyValues.length, revision };
  }

  async hash(revision: bigint | undefined, options: CallOptions): Promise<HashAnswer> {
    await this.#record({ name: "hash", options });
    const { compactedRevision } = this;
    return { hash: 0xabcdn, revision: revision ?? this.revision, compactedRevision, appliedIndex: 8n };
  }

  async listMembers(options: ReadOptions): Promise<MemberListing> {
    await this.#record({ name: "listMembers", options });
    const { memberId, name, peerUrl, clientUrl } = this.identity();
    const member = { id: memberId, name, peerUrl, clientUrl, joinedIndex: 1n, kind: "voter" } as const;
    const progress = { memberId, matchIndex: 9n, active: true, state: "replicate" } as const;
    return {
      members: [member],
      configurationIndex: 2n,
      joint: false,
      committed: true,
      progress: [progress],
    };
  }

  async bootstrap(clusterId: bigint, memberId: bigint): Promise<{ readonly configurationIndex: bigint }> {
    await this.#record({ name: "bootstrap", options: { clusterId, memberId } });
    return { configurationIndex: 1n };
  }

  async changeMembership(
    expectedIndex: bigint,
    target: readonly TargetMember[],
    options: CallOptions,
  ): Promise<{ readonly configurationIndex: bigint }> {
    await this.#record({ name: "changeMembership", options: { expectedIndex, target, ...options } });
    return { configurationIndex: expectedIndex + 1n };
  }

  async transferLeadership(
    target: bigint,
    options: CallOptions,
  ): Promise<{ readonly leaderId: bigint; readonly term: bigint }> {
    await this.#record({ name: "transferLeadership", options: { target, ...options } });
    return { leaderId: target, term: 8n };
  }

  async reset(
    clusterId: bigint,
    memberId: bigint,
    removedIndex: bigint,
  ): Promise<{ readonly memberId: bigint }> {
    await this.#record({ name: "reset", options: { clusterId, memberId, removedIndex } });
    return { memberId: 0xb2n };
  }

  async #record(call: RecordedCall): Promise<void> {
    if (this.recording) this.calls.push(call);
    await this.before(call);
  }

  #checkRevision(revision: bigint | undefined): void {
    if (revision !== undefined && revision > this.revision) {
      const detail = { revision: this.revision };
      throw new ReplicaError("future-revision", `revision ${revision} is not reached yet`, { detail });
    }
  }

  #apply(operation: WriteOperation): WriteResult {
    if (operation.type === "compact") {
      if (operation.revision > this.revision) {
        return { type: "refused", refusal: { reason: "future", revision: this.revision } };
      }
      this.compactedRevision = operation.revision;
      return { type: "compact", revision: this.revision };
    }
    const start = operation.type === "put" ? operation.key : operation.start;
    const before = this.store.get(keyText(start));
    const modRevision = before?.modRevision ?? 0n;
    const expected = operation.expectedModRevision;
    if (expected !== undefined && expected !== modRevision) {
      return { type: "refused", refusal: { reason: "compare-failed", modRevision } };
    }
    if (operation.type === "delete") return this.#delete(operation);
    this.revision++;
    const { key, value, lease } = operation;
    const createRevision = before?.createRevision ?? this.revision;
    const version = (before?.version ?? 0n) + 1n;
    const after = { key, value, createRevision, modRevision: this.revision, version, lease };
    this.store.set(keyText(key), after);
    return { type: "put", revision: this.revision, previous: operation.previous ? before : undefined };
  }

  #delete(operation: Extract<WriteOperation, { type: "delete" }>): WriteResult {
    const deleted = [...this.store.values()].filter(({ key }) => isWithin(key, operation));
    if (deleted.length > 0) this.revision++;
    for (const { key } of deleted) this.store.delete(keyText(key));
    const previous = operation.previous ? deleted : [];
    return { type: "delete", revision: this.revision, deleted: deleted.length, previous };
  }
}

function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}

function isWithin(
  key: Uint8Array,
  { start, end }: { start: Uint8Array; end: Uint8Array | undefined },
): boolean {
  if (end === undefined) return Buffer.compare(key, start) === 0;
  return Buffer.compare(key, start) >= 0 && (end.length === 0 || Buffer.compare(key, end) < 0);
}
