/** What `/console/state.json` says. Positions and revisions are numbers: none gets near 2^53. */
export interface ConsoleState {
  /** Ask with `?after=<cursor>` for what is new since this answer. */
  readonly cursor: string;
  /** False: `history` and `events` go on where the cursor of the question was. */
  readonly full: boolean;
  /** Of this replica's clock, milliseconds since 1970. */
  readonly nowMs: number;
  readonly self: ConsoleSelf;
  /** null: the replica is of no cluster, starts, or was removed. */
  readonly store: ConsoleStore | null;
  readonly configuration: ConsoleConfiguration | null;
  readonly members: readonly ConsoleMember[];
  readonly history: readonly HistoryRow[];
  readonly events: readonly ConsoleEvent[];
}

export interface ConsoleSelf {
  readonly name: string;
  /** 16 hexadecimal digits, as all ids. */
  readonly memberId: string;
  readonly clusterId: string;
  readonly version: string;
  readonly role: string;
  readonly startedMs: number;
  /** Why it does not serve; empty when it does. */
  readonly notReady: readonly string[];
}

export interface ConsoleStore {
  readonly leaderId: string | null;
  readonly term: number;
  /** The highest that any member which answers knows. */
  readonly commitIndex: number;
  readonly revision: number;
  readonly compactedRevision: number;
  readonly keys: number;
  /** Writes proposed by this replica and not answered yet. */
  readonly proposalsPending: number;
}

/** The configuration in force, by member ids. */
export interface ConsoleConfiguration {
  readonly index: number;
  readonly committed: boolean;
  /** Two configurations are in force: `voters` comes in, `outgoing` goes out. */
  readonly joint: boolean;
  readonly voters: readonly string[];
  readonly outgoing: readonly string[];
  readonly learners: readonly string[];
  /** Voters that become learners when the joint configuration is left. */
  readonly learnersNext: readonly string[];
  /** Since when this replica has seen it in force. */
  readonly sinceMs: number;
  /** Leadership is on its way to this member. */
  readonly transferTarget: string | null;
}

/**
 * How this replica knows of a member: it is itself, it answers when it is asked how it is, it does not, or it has
 * not been asked yet.
 */
export type Reach = "self" | "answers" | "silent" | "unasked";

export interface ConsoleMember {
  readonly id: string;
  readonly name: string;
  readonly kind: "voter" | "learner" | "outgoing" | "left";
  readonly reach: Reach;
  /** Since when it has not answered; null: it has, or never did. */
  readonly silentSinceMs: number | null;
  /** What it said last; null: it never said anything. */
  readonly report: MemberReport | null;
  /** Entries that are committed and that it has not applied. */
  readonly lag: number | null;
  /** As the leader knows it; null on other members. */
  readonly progress: MemberProgress | null;
  /** From this replica; null: none is open. */
  readonly roundTripMs: number | null;
}

export interface MemberReport {
  readonly role: string;
  readonly leaderId: string | null;
  readonly term: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly storeBytesUsed: number;
  readonly storeBytesQuota: number;
  readonly logBytesUsed: number;
  readonly diskBytesAvailable: number;
  readonly version: string;
  readonly problems: readonly string[];
}

export interface MemberProgress {
  readonly matchIndex: number;
  readonly state: "probe" | "replicate" | "snapshot";
  readonly active: boolean;
}

/**
 * One second of this replica: when it ended, then rates in 1/s and latencies in milliseconds. null: nothing
 * happened that could be measured.
 */
export type HistoryRow = readonly [
  atMs: number,
  /** Answered by this replica. */
  requests: number,
  /** Of the whole store, by its revision. */
  changes: number,
  /** Of the requests: those that the store could not serve. */
  failed: number,
  requestP50: number | null,
  requestP99: number | null,
  flushP50: number | null,
  flushP99: number | null,
];

export interface ConsoleEvent {
  readonly atMs: number;
  readonly level: "info" | "warn" | "error";
  readonly kind:
    | "leader"
    | "election"
    | "configuration"
    | "snapshot"
    | "disk"
    | "peer"
    | "process"
    | "problem";
  readonly text: string;
}
