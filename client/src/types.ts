import type { RstoreError } from "./errors.ts";

/** Text is taken as UTF-8. */
export type Bytes = string | Uint8Array;

/**
 * linearizable sees every write acknowledged before the call; serializable is the answering member's own
 * state, which may be stale, and is spread over the members.
 */
export type Consistency = "linearizable" | "serializable";

export interface TlsOptions {
  readonly ca?: string | Uint8Array;
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  readonly servername?: string;
}

export interface CallOptions {
  /** For the whole call with all its attempts; the client's timeoutMs otherwise. */
  readonly timeoutMs?: number;
  /**
   * Names the call in the logs of replicas, which then goes in a request of its own: letters, digits and ._:/+=@-,
   * at most 64. By default each request gets one, which an error tells.
   */
  readonly requestId?: string;
  /** Gives the call up; a write that was sent already ends with outcome "unknown". */
  readonly signal?: AbortSignal;
}

export interface ReadOptions extends CallOptions {
  /** linearizable by default. */
  readonly consistency?: Consistency;
  /** Read the state at this revision, not the newest. */
  readonly revision?: bigint;
  /** Answer from a state of at least this revision: with serializable reads, reads one's own writes. */
  readonly minRevision?: bigint;
}

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The revision at which the key was created, after its last deletion. */
  readonly createRevision: bigint;
  /** The revision of the last change. */
  readonly modRevision: bigint;
  /** Number of changes since its creation; 1 for a new key. */
  readonly version: bigint;
}

/** Who answered, and from which state. */
export interface AnswerHeader {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** 0n when the answering member knows no leader. */
  readonly leaderId: bigint;
  readonly term: bigint;
  /** The store's revision when the answer was made. */
  readonly revision: bigint;
}

export interface PutOptions extends CallOptions {
  /** Return what the key held before. */
  readonly previous?: boolean;
  /** Compare-and-set: put only if the key's mod revision is this; 0n: only if the key does not exist. */
  readonly expectedModRevision?: bigint;
}

export interface PutResult {
  readonly header: AnswerHeader;
  /** The revision of this change. */
  readonly revision: bigint;
  readonly previous: KeyValue | undefined;
}

export interface GetResult {
  readonly header: AnswerHeader;
  /** undefined: the key does not exist. */
  readonly keyValue: KeyValue | undefined;
}

/** Which keys: all, those with a prefix, or those from `key` up to but not including `rangeEnd`. */
export interface KeySelection {
  /** The first key; the start of the store by default. */
  readonly key?: Bytes;
  /** The key to stop before; the end of the store by default. */
  readonly rangeEnd?: Bytes;
  /** Instead of key and rangeEnd. */
  readonly prefix?: Bytes;
}

export interface RangeOptions extends ReadOptions, KeySelection {
  /** The most keys to return; as many as fit in one answer by default. */
  readonly limit?: number;
  /** Descending key order. */
  readonly reverse?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

export interface RangeResult {
  readonly header: AnswerHeader;
  readonly keyValues: readonly KeyValue[];
  /** More keys follow within the range. */
  readonly more: boolean;
  /** Keys returned, or with countOnly the keys in the range. */
  readonly count: bigint;
  /** The revision that was read. */
  readonly revision: bigint;
}

export interface RangePagesOptions extends RangeOptions {
  /** Keys in a page; as many as fit in one answer by default. */
  readonly pageSize?: number;
}

export interface DeleteOptions extends CallOptions {
  /** All keys that begin with `key`. */
  readonly prefix?: boolean;
  /** From `key` up to but not including this one. */
  readonly rangeEnd?: Bytes;
  /** From `key` to the end of the store. */
  readonly toEnd?: boolean;
  /** Return what was deleted. */
  readonly previous?: boolean;
  /** Compare-and-delete of one key. */
  readonly expectedModRevision?: bigint;
}

export interface DeleteResult {
  readonly header: AnswerHeader;
  /** The revision of this change; the store's revision when nothing was deleted. */
  readonly revision: bigint;
  readonly deleted: bigint;
  readonly previous: readonly KeyValue[];
}

export type BatchOperation =
  | ({ readonly type: "put"; readonly key: Bytes; readonly value: Bytes } & Omit<
      PutOptions,
      keyof CallOptions
    >)
  | ({ readonly type: "get"; readonly key: Bytes } & Omit<ReadOptions, keyof CallOptions>)
  | ({ readonly type: "delete"; readonly key: Bytes } & Omit<DeleteOptions, keyof CallOptions>);

export type BatchResult =
  | ({ readonly type: "put" } & PutResult)
  | ({ readonly type: "get" } & GetResult)
  | ({ readonly type: "delete" } & DeleteResult)
  | { readonly type: "failed"; readonly error: RstoreError };

export type MemberKind = "voter" | "learner" | "outgoing";

export interface Member {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
  readonly kind: MemberKind;
  /** The log index at which it joined. */
  readonly joinedIndex: bigint;
  /** What the leader knows of its log; undefined when the answering member does not lead. */
  readonly progress: MemberProgress | undefined;
}

export interface MemberProgress {
  readonly matchIndex: bigint;
  /** The leader has heard from it of late. */
  readonly active: boolean;
  /** probe, replicate or snapshot. */
  readonly state: string;
}

export interface MemberList {
  readonly header: AnswerHeader;
  readonly members: readonly Member[];
  readonly configurationIndex: bigint;
  /** A change is under way: two configurations are in force. */
  readonly joint: boolean;
  /** The configuration in force is committed. */
  readonly committed: boolean;
}

export type Role =
  | "uninitialized"
  | "follower"
  | "pre-candidate"
  | "candidate"
  | "leader"
  | "learner"
  | "removed"
  | "unknown";

export interface ReplicaStatus {
  readonly header: AnswerHeader;
  readonly version: string;
  readonly name: string;
  readonly role: Role;
  readonly leaderClientUrl: string;
  readonly firstIndex: bigint;
  readonly lastIndex: bigint;
  readonly commitIndex: bigint;
  readonly appliedIndex: bigint;
  /** Up to here the store is on disk. */
  readonly durableAppliedIndex: bigint;
  readonly configurationIndex: bigint;
  readonly joint: boolean;
  readonly compactedRevision: bigint;
  readonly totalKeys: bigint;
  readonly storeBytesUsed: bigint;
  readonly storeBytesQuota: bigint;
  readonly logBytesUsed: bigint;
  readonly diskBytesAvailable: bigint;
  /** Why it refuses writes or is not ready; empty when it is healthy. */
  readonly problems: readonly string[];
}

export interface HashResult {
  readonly header: AnswerHeader;
  readonly hash: bigint;
  readonly revision: bigint;
  readonly compactedRevision: bigint;
  readonly appliedIndex: bigint;
}
