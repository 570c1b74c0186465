/** A member's random 64-bit identity; never 0n. */
export type MemberId = bigint;

/** No member: an unknown leader, a vote not cast. */
export const NO_MEMBER: MemberId = 0n;

export type EntryType = "normal" | "configuration";

/** One slot of the log. `data` of a configuration entry is an encoded {@link Configuration}. */
export interface Entry {
  readonly term: bigint;
  readonly index: bigint;
  readonly type: EntryType;
  /** Empty for the entry that a new leader appends (Raft dissertation §6.4). */
  readonly data: Uint8Array;
}

/**
 * The members of the cluster (ConfState in etcd-io/raft). It counts from the moment it is appended and is
 * rolled back with truncation (Raft dissertation §4.1).
 */
export interface Configuration {
  /** Voters of the incoming half; the only half unless joint. Ascending. */
  readonly voters: readonly MemberId[];
  /** Voters of the outgoing half; empty unless joint. Ascending. */
  readonly outgoing: readonly MemberId[];
  /** Members without a vote in either half. Ascending. */
  readonly learners: readonly MemberId[];
  /** Outgoing voters that become learners when the joint configuration is left. Ascending. */
  readonly learnersNext: readonly MemberId[];
  /** What the runtime keeps with a configuration (addresses, names); opaque to the core. */
  readonly context: Uint8Array;
}

/** A configuration and the index of the entry that carries it. */
export interface IndexedConfiguration {
  readonly index: bigint;
  readonly configuration: Configuration;
}

/** What must be on disk before messages that rely on it leave. Never goes back. */
export interface HardState {
  readonly term: bigint;
  readonly vote: MemberId;
  readonly commit: bigint;
}

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";

export interface SoftState {
  readonly leader: MemberId;
  readonly role: Role;
}

/** The point that a snapshot stands for, with the configuration in force there. */
export interface SnapshotMetadata {
  readonly index: bigint;
  readonly term: bigint;
  readonly configuration: IndexedConfiguration;
}

interface MessageBase {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: bigint;
}

export interface PreVote extends MessageBase {
  readonly type: "PreVote";
  readonly lastLogIndex: bigint;
  readonly lastLogTerm: bigint;
  /** Leadership transfer: stickiness to a live leader does not apply (dissertation §4.2.3). */
  readonly transfer: boolean;
}
export interface PreVoteResponse extends MessageBase {
  readonly type: "PreVoteResponse";
  readonly granted: boolean;
}
export interface RequestVote extends MessageBase {
  readonly type: "RequestVote";
  readonly lastLogIndex: bigint;
  readonly lastLogTerm: bigint;
  readonly transfer: boolean;
}
export interface RequestVoteResponse extends MessageBase {
  readonly type: "RequestVoteResponse";
  readonly granted: boolean;
}
export interface AppendEntries extends MessageBase {
  readonly type: "AppendEntries";
  readonly previousIndex: bigint;
  readonly previousTerm: bigint;
  readonly entries: readonly Entry[];
  readonly commit: bigint;
}
export interface AppendEntriesResponse extends MessageBase {
  readonly type: "AppendEntriesResponse";
  /** Accepted: the last index now known to match. Rejected: the previousIndex that did not match. */
  readonly index: bigint;
  readonly rejected: boolean;
  /** With rejected: where the leader should look for agreement next, and the term there. */
  readonly hintIndex: bigint;
  readonly hintTerm: bigint;
}
export interface Heartbeat extends MessageBase {
  readonly type: "Heartbeat";
  readonly commit: bigint;
  /** The leader's own (term, sequence) token of a read-index round; 0n when none is under way. */
  readonly readSequence: bigint;
}
export interface HeartbeatResponse extends MessageBase {
  readonly type: "HeartbeatResponse";
  readonly readSequence: bigint;
}
export interface InstallSnapshot extends MessageBase {
  readonly type: "InstallSnapshot";
  readonly snapshot: SnapshotMetadata;
}
export interface TimeoutNow extends MessageBase {
  readonly type: "TimeoutNow";
}
/** A follower asks the leader for a read index; `requestId` is the follower's own and is only echoed. */
export interface ReadIndexRequest extends MessageBase {
  readonly type: "ReadIndexRequest";
  readonly requestId: bigint;
}
export interface ReadIndexResponse extends MessageBase {
  readonly type: "ReadIndexResponse";
  readonly requestId: bigint;
  readonly index: bigint;
  /** The leader could not confirm (no entry of its term committed, stepped down, too many waiting). */
  readonly rejected: boolean;
}

export type Message =
  | PreVote
  | PreVoteResponse
  | RequestVote
  | RequestVoteResponse
  | AppendEntries
  | AppendEntriesResponse
  | Heartbeat
  | HeartbeatResponse
  | InstallSnapshot
  | TimeoutNow
  | ReadIndexRequest
  | ReadIndexResponse;

/** A confirmed read: it may be served once `index` is applied. */
export interface ReadState {
  readonly requestId: bigint;
  readonly index: bigint;
}

/** A read that could not be confirmed; the caller may ask again. */
export interface ReadFailure {
  readonly requestId: bigint;
  readonly reason: "no-leader" | "leader-changed" | "rejected";
}

/**
 * Everything that there is to do, taken from the core at once (etcd-io/raft's Ready, asynchronous writes).
 * Several may be under way: the next may be taken before the last is on disk.
 *
 * The order is data: `messages` leave at once. `hardState`, `snapshot` and `entries` go to disk, in this
 * order of Readys; `messagesAfterAppend` leave when that is durable, and only then `RawNode.appended` is
 * called with `appendToken`, which lets the core count what it has itself. `committedEntries` are applied in
 * order and reported by `RawNode.applied`.
 */
export interface Ready {
  readonly softState: SoftState | undefined;
  readonly hardState: HardState | undefined;
  /** To install before `entries` are appended; the log is reset to it. */
  readonly snapshot: SnapshotMetadata | undefined;
  /** To append, in place of whatever the disk holds from the first of them on. */
  readonly entries: readonly Entry[];
  readonly messages: readonly Message[];
  readonly messagesAfterAppend: readonly Message[];
  /** Set when something must become durable. */
  readonly appendToken: bigint | undefined;
  readonly committedEntries: readonly Entry[];
  readonly readStates: readonly ReadState[];
  readonly readFailures: readonly ReadFailure[];
}

/**
 * The durable log as the core reads it; synchronous. What a Ready handed out is visible here at the latest
 * when `RawNode.appended` is called for it.
 */
export interface LogStorage {
  initialState(): InitialState;
  /** Index of the first entry that is there; `compacted index + 1` when the log is empty. */
  firstIndex(): bigint;
  lastIndex(): bigint;
  /** Term of an entry, also of `firstIndex() - 1n`; undefined when compacted or beyond the end. */
  term(index: bigint): bigint | undefined;
  /** Entries [low, high), at least one, no more than `maxBytes` of data beyond it. Throws if compacted. */
  entries(low: bigint, high: bigint, maxBytes: number): Entry[];
  /** The snapshot that a follower beyond the log can be sent; undefined while there is none. */
  snapshot(): SnapshotMetadata | undefined;
}

export interface InitialState {
  readonly hardState: HardState;
  /** The configuration in force at the applied index; later ones are found in the log's entries. */
  readonly configuration: IndexedConfiguration;
  readonly appliedIndex: bigint;
}

export interface RaftOptions {
  readonly id: MemberId;
  /** Ticks of 10 ms by convention; the core only counts them. */
  readonly electionTimeoutTicks: number;
  readonly heartbeatTicks: number;
  /** A number in [0, 1); the only source of chance. */
  readonly random: () => number;
  /** Most bytes of entries in one AppendEntries. */
  readonly appendMaxBytes: number;
  /** Most AppendEntries, and bytes in them, on their way to one follower. */
  readonly inflightMaxMessages: number;
  readonly inflightMaxBytes: number;
  /** Most bytes of entries appended and not yet committed; further proposals are refused. */
  readonly uncommittedMaxBytes: number;
  readonly proposalMaxBytes: number;
  /** Most bytes of committed entries in one Ready. */
  readonly committedMaxBytes: number;
  /** Most reads that wait for a round, and most followers' requests among them. */
  readonly pendingReadsMax: number;
  /** A learner may be promoted when it lacks no more than this many entries and was heard of recently. */
  readonly promoteMaxLagEntries: bigint;
  /** How long the leader goes on sending to members that left, until they know it. */
  readonly leaverMaxTicks: number;
}

export type ProposeRefusal =
  | { readonly reason: "not-leader"; readonly leader: MemberId }
  | { readonly reason: "transferring"; readonly target: MemberId }
  | { readonly reason: "too-large"; readonly limit: number }
  | { readonly reason: "uncommitted-full"; readonly limit: number };

export type ProposeResult =
  | { readonly ok: true; readonly term: bigint; readonly index: bigint }
  | ({ readonly ok: false } & ProposeRefusal);

/** The wanted end of a change of membership. */
export interface TargetConfiguration {
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
  readonly context: Uint8Array;
}

export type ChangeRefusal =
  | { readonly reason: "not-leader"; readonly leader: MemberId }
  | { readonly reason: "transferring"; readonly target: MemberId }
  | { readonly reason: "index-mismatch"; readonly index: bigint }
  | { readonly reason: "change-in-progress"; readonly index: bigint }
  | { readonly reason: "term-not-committed" }
  | { readonly reason: "learner-not-ready"; readonly member: MemberId; readonly lag: bigint }
  | { readonly reason: "no-live-quorum"; readonly dead: readonly MemberId[] }
  | { readonly reason: "invalid"; readonly message: string };

export type ChangeResult =
  | { readonly ok: true; readonly term: bigint; readonly index: bigint }
  | ({ readonly ok: false } & ChangeRefusal);
