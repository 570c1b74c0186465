import type { MemberRecord } from "../apply/member-records.ts";
import type { WriteOperation, WriteResult } from "../apply/operation.ts";
import type { KeyRange, KeyValue } from "../mvcc/types.ts";
import type { MemberId, Role } from "../raft/types.ts";
import type { RequestContext } from "./request-context.ts";

export type { MemberRecord };

/** Why a call failed; one-to-one with rstore.v1.Reason. */
export type Reason =
  | "invalid-argument"
  | "not-leader"
  | "no-leader"
  | "no-quorum"
  | "compacted"
  | "future-revision"
  | "compare-failed"
  | "too-large"
  | "limit-exceeded"
  | "no-space"
  | "deadline-exceeded"
  | "outcome-unknown"
  | "not-initialized"
  | "member-removed"
  | "wrong-cluster"
  | "wrong-member"
  | "configuration-mismatch"
  | "change-in-progress"
  | "learner-not-ready"
  | "quorum-at-risk"
  | "transfer-failed"
  | "shutting-down"
  | "already-initialized"
  | "unimplemented"
  | "internal"
  | "not-ready";

/** Whether a write that failed may have been applied; rstore.v1.Outcome. */
export type Outcome = "unspecified" | "not-applied" | "unknown";

export interface ReplicaErrorDetail {
  readonly leaderId?: MemberId;
  readonly leaderClientUrl?: string;
  readonly leaderPeerUrl?: string;
  /** The limit or field at fault. */
  readonly subject?: string;
  readonly limit?: number;
  readonly revision?: bigint;
  readonly index?: bigint;
}

/** The one error class of the replica's boundary; `message` tells a person what to do. */
export class ReplicaError extends Error {
  readonly reason: Reason;
  readonly outcome: Outcome;
  readonly detail: ReplicaErrorDetail;

  constructor(
    reason: Reason,
    message: string,
    options: { outcome?: Outcome; detail?: ReplicaErrorDetail; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ReplicaError";
    this.reason = reason;
    this.outcome = options.outcome ?? "unspecified";
    this.detail = options.detail ?? {};
  }
}

/** One write's end: applied (or refused by the state machine), or failed before or on the way. */
export type WriteOutcome = WriteResult | { readonly type: "failed"; readonly error: ReplicaError };

export interface CallOptions {
  /** On the clock of `performance.now()`, in milliseconds. */
  readonly deadlineMs: number;
  /** On whose behalf it is made: one, or those that a member passes on together. */
  readonly requests?: readonly RequestContext[];
}

export interface WriteOptions extends CallOptions {
  /** Pass writes on to the leader when this member does not lead; otherwise fail with not-leader. */
  readonly forward: boolean;
}

export interface ReadOptions extends CallOptions {
  readonly consistency: "linearizable" | "serializable";
  /** Wait until this revision is applied; 0n: no wait. */
  readonly minRevision: bigint;
}

/** What every answer's header says; cheap to make. */
export interface AnswerState {
  readonly clusterId: bigint;
  readonly memberId: MemberId;
  readonly leaderId: MemberId;
  readonly leaderClientUrl: string;
  readonly term: bigint;
  readonly revision: bigint;
}

export interface RangeRequest extends KeyRange {
  /** undefined: the newest. */
  readonly revision: bigint | undefined;
  /** 0: as many as fit in one answer. */
  readonly limit: number;
  readonly reverse: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
}

export interface RangeAnswer {
  readonly keyValues: readonly KeyValue[];
  readonly count: number;
  readonly more: boolean;
  readonly revision: bigint;
}

export type MemberKind = "voter" | "learner" | "outgoing";

export interface MemberListing {
  readonly members: readonly (MemberRecord & { readonly kind: MemberKind })[];
  readonly configurationIndex: bigint;
  readonly joint: boolean;
  readonly committed: boolean;
  readonly progress: readonly {
    readonly memberId: MemberId;
    readonly matchIndex: bigint;
    readonly active: boolean;
    readonly state: "probe" | "replicate" | "snapshot";
  }[];
}

export interface TargetMember {
  readonly id: MemberId;
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  readonly kind: "voter" | "learner";
}

export interface Identity {
  readonly memberId: MemberId;
  /** 0n: belongs to no cluster. */
  readonly clusterId: bigint;
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  readonly incarnation: bigint;
  readonly removedIndex: bigint | undefined;
}

export interface ReplicaStatus {
  readonly version: string;
  readonly role: Role | "learner" | "removed" | "uninitialized";
  readonly firstIndex: bigint;
  readonly lastIndex: bigint;
  readonly commitIndex: bigint;
  readonly appliedIndex: bigint;
  readonly durableAppliedIndex: bigint;
  readonly configurationIndex: bigint;
  readonly joint: boolean;
  readonly compactedRevision: bigint;
  readonly totalKeys: number;
  readonly storeBytesUsed: number;
  readonly storeBytesQuota: number;
  readonly logBytesUsed: number;
  readonly diskBytesAvailable: number;
  /** Peers refuse its disk as an old copy (B2). */
  readonly diskRefused: boolean;
  readonly problems: readonly string[];
}

export interface HashAnswer {
  readonly hash: bigint;
  readonly revision: bigint;
  readonly compactedRevision: bigint;
  readonly appliedIndex: bigint;
}

/** Everything that the RPC layer asks of a replica. Every promise rejects with a {@link ReplicaError}. */
export interface ReplicaApi {
  answerState(): AnswerState;
  identity(): Identity;
  status(): ReplicaStatus;
  /**
   * Why it does not serve linearizable requests; empty when it does. Without a leader it counts as serving until
   * that has lasted three election timeouts.
   */
  readiness(): readonly string[];

  /** Proposes the writes together; one outcome for each, in order. */
  write(operations: readonly WriteOperation[], options: WriteOptions): Promise<readonly WriteOutcome[]>;

  /**
   * Resolves when the local state may answer a read of this consistency; the caller then reads with
   * `get`/`range` in the same turn (range goes on at one revision by itself).
   */
  awaitReadable(options: ReadOptions): Promise<void>;
  /** Synchronous; throws ReplicaError compacted / future-revision. `revision` undefined: the newest. */
  get(key: Uint8Array, revision: bigint | undefined): KeyValue | undefined;
  range(request: RangeRequest, options: CallOptions): Promise<RangeAnswer>;

  hash(revision: bigint | undefined, options: CallOptions): Promise<HashAnswer>;
  listMembers(options: ReadOptions): Promise<MemberListing>;

  bootstrap(clusterId: bigint, memberId: MemberId): Promise<{ readonly configurationIndex: bigint }>;
  changeMembership(
    expectedIndex: bigint,
    target: readonly TargetMember[],
    options: CallOptions,
  ): Promise<{ readonly configurationIndex: bigint }>;
  /** 0n: the most complete voter. */
  transferLeadership(
    target: MemberId,
    options: CallOptions,
  ): Promise<{ readonly leaderId: MemberId; readonly term: bigint }>;
  /** The process restarts itself blank after answering. */
  reset(
    clusterId: bigint,
    memberId: MemberId,
    removedIndex: bigint,
  ): Promise<{ readonly memberId: MemberId }>;
}

/** Bounds that the RPC layer enforces; from the configuration. */
export interface RpcLimits {
  readonly requestMaxBytes: number;
  readonly responseMaxBytes: number;
  readonly inflightMaxRequests: number;
  readonly inflightMaxBytes: number;
  readonly connectionsMax: number;
  readonly batchMaxOperations: number;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
}
