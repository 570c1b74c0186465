import type { AnswerState, Identity, ReplicaStatus } from "../runtime/replica-api.ts";
import type { PeerStats } from "../transport/types.ts";

/** Why a replica does not serve, or not everything. */
export const problemKinds = [
  "stopping",
  "resetting",
  "removed",
  "store-lost",
  "uninitialized",
  "no-leader",
  "not-caught-up",
  "disk-refused",
  "quota",
  "disk-low",
  "disk-full",
] as const;

export type ProblemKind = (typeof problemKinds)[number];

export const diskStates = ["ok", "low", "full"] as const;
export const progressStates = ["probe", "replicate", "snapshot"] as const;

/** What the leader knows of another member's log. */
export interface FollowerReading {
  readonly memberId: bigint;
  /** Entries of the leader's log that it has not acknowledged. */
  readonly lagEntries: number;
  readonly state: (typeof progressStates)[number];
  readonly active: boolean;
  readonly inflightBytes: number;
}

/** Of a member of a cluster; a blank or removed replica has none. */
export interface MemberReading {
  readonly voters: number;
  readonly outgoing: number;
  readonly learners: number;
  readonly isLearner: boolean;
  /** On the leader: voters that may be lost before there is no majority; negative: there is none. */
  readonly failuresTolerated: number | undefined;
  /** On the leader: all others. */
  readonly followers: readonly FollowerReading[];
  readonly preVotesStarted: number;
  readonly electionsStarted: number;
  readonly proposalsPending: number;
  readonly readsPending: number;
  /** How long the oldest write to the log has been under way; 0: none is. */
  readonly logFlushUnderWaySeconds: number;
  /** Changes that are applied and not in the store on disk. */
  readonly overlayBytes: number;
  readonly compactionPending: boolean;
  readonly snapshotsSending: number;
  readonly snapshotReceiving: boolean;
}

export interface DiskReading {
  readonly availableBytes: number;
  readonly sizeBytes: number;
  readonly state: (typeof diskStates)[number];
  readonly hasReserve: boolean;
  /** Pages of the file that hold nothing and are used again. */
  readonly storeFreeBytes: number;
  readonly logFreeBytes: number;
  /** Of the entries: their data and a fixed overhead each. */
  readonly logEntryBytes: number;
}

export interface PeerReading extends PeerStats {
  /** As the configuration calls it; empty when it does not. */
  readonly name: string;
}

/** What the replica says about itself at a scrape. */
export interface ReplicaReading {
  readonly identity: Identity;
  readonly state: AnswerState;
  readonly status: ReplicaStatus;
  readonly ready: boolean;
  readonly problems: readonly ProblemKind[];
  readonly member: MemberReading | undefined;
  readonly disk: DiskReading;
  readonly peers: readonly PeerReading[];
}

/** What the client port says about itself at a scrape. */
export interface RpcReading {
  readonly inflightRequests: number;
  readonly inflightBytes: number;
  readonly connections: number;
  readonly limits: {
    readonly inflightMaxRequests: number;
    readonly inflightMaxBytes: number;
    readonly connectionsMax: number;
  };
}

/** What the process says about itself at a scrape. */
export interface ProcessReading {
  readonly version: string;
  /** Of Node.js. */
  readonly node: string;
  /** Time that the event loop has spent with work, not waiting. */
  readonly loopActiveSeconds: number;
  readonly heapLimitBytes: number;
  /** undefined: not known. */
  readonly memoryLimitBytes: number | undefined;
  readonly anonymousMemoryBytes: number | undefined;
}
