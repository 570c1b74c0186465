import type { DiskPart, DiskWeather } from "../disk/types.ts";
import type { LinkWeather } from "../network/types.ts";
import type { OperatorWeather } from "../operator/types.ts";
import type { Counter } from "../world/coverage.ts";
import type { Violation } from "../world/world.ts";
import type { Theme } from "./themes.ts";

/** What a run is made of, drawn from its seed. Small on purpose, so that rare corners are common. */
export interface Shape {
  /** Voters to begin with, 1 to 7. */
  readonly members: number;
  /** Places in all, so that newcomers have somewhere to go. */
  readonly slots: number;
  readonly clients: number;
  readonly keys: number;
  /** Mean of a client's pause between operations. */
  readonly thinkMeanMs: number;
  /** Of the safety phase. */
  readonly durationMs: number;
  readonly electionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** Passed to the replica as its settings and bounds; see `cluster/`. */
  readonly limits: ShapeLimits;
  /** Peer messages travel as bytes through the production codecs (slower), else as objects. */
  readonly throughCodecs: boolean;
  readonly mix: OperationMix;
  readonly network: LinkWeather;
  readonly disk: DiskWeather;
  /** Set: an operator looks after the cluster, from its founding on; nobody else changes who is a member. */
  readonly operator?: OperatorShape | undefined;
}

/** The resource that an operator looks after; `members` are its first `replicas`. Its seconds are a tenth of the run's. */
export interface OperatorShape {
  readonly replaceAfterSeconds: number;
  readonly catchUpDeadlineSeconds: number;
  readonly whenScaled: "Retain" | "Delete";
  /** Volumes can be attached on other nodes than where they are. */
  readonly attachable: boolean;
}

export interface ShapeLimits {
  readonly flushBytes: number;
  readonly flushIntervalMs: number;
  readonly logRetainedEntries: number;
  readonly logRetainedBytes: number;
  readonly logPinnedMaxBytes: number;
  readonly compactionMarginEntries: number;
  readonly appendMaxBytes: number;
  readonly inflightMaxMessages: number;
  readonly entryMaxOperations: number;
  readonly snapshotChunkBytes: number;
  readonly valueMaxBytes: number;
}

/** Weights of what clients and administrators do. */
export interface OperationMix {
  readonly put: number;
  readonly compareAndSet: number;
  readonly delete: number;
  readonly deleteRange: number;
  readonly get: number;
  readonly getSerializable: number;
  readonly getAtLeast: number;
  readonly getAtRevision: number;
  readonly range: number;
  readonly compact: number;
  readonly transfer: number;
  readonly changeMembership: number;
}

/**
 * One fault, at a time, as data: a plan can be printed, shrunk and replayed. Times in simulated ms. Places are
 * slots by their index and clients as `clientPlace(n)`.
 */
export type Fault =
  | { readonly kind: "crash"; readonly slot: number; readonly downMs: number }
  /** At the n-th of its next calls to disk or network; its supervisor starts it again. */
  | { readonly kind: "crash-at-call"; readonly slot: number; readonly calls: number }
  | { readonly kind: "crash-all"; readonly downMs: number }
  | { readonly kind: "crash-leader"; readonly downMs: number }
  | { readonly kind: "stop"; readonly slot: number; readonly downMs: number }
  | { readonly kind: "pause"; readonly slot: number; readonly forMs: number }
  | { readonly kind: "pause-leader"; readonly forMs: number }
  | { readonly kind: "clock-rate"; readonly slot: number; readonly rate: number }
  /** These places on one side, all other slots and clients on the other. */
  | { readonly kind: "partition"; readonly side: readonly number[]; readonly forMs: number }
  | {
      readonly kind: "one-way";
      readonly from: readonly number[];
      readonly to: readonly number[];
      readonly forMs: number;
    }
  /** None of `a` sees any of `b`; whoever is in neither sees both. */
  | {
      readonly kind: "partial";
      readonly a: readonly number[];
      readonly b: readonly number[];
      readonly forMs: number;
    }
  | { readonly kind: "isolate-leader"; readonly forMs: number }
  | {
      readonly kind: "flap";
      readonly a: number;
      readonly b: number;
      readonly everyMs: number;
      readonly forMs: number;
    }
  /** The links of these slots fail one by one and come back in another order (FoundationDB's swizzle-clogging). */
  | {
      readonly kind: "swizzle";
      readonly slots: readonly number[];
      readonly back: readonly number[];
      readonly stepMs: number;
    }
  | { readonly kind: "network-weather"; readonly weather: LinkWeather; readonly forMs: number }
  | {
      readonly kind: "link-weather";
      readonly from: number;
      readonly to: number;
      readonly weather: LinkWeather;
      readonly forMs: number;
    }
  | { readonly kind: "reset-connections"; readonly a: number; readonly b: number }
  | {
      readonly kind: "disk-weather";
      readonly slot: number;
      readonly weather: DiskWeather;
      readonly forMs: number;
    }
  | { readonly kind: "freeze-disk"; readonly slot: number; readonly forMs: number }
  | { readonly kind: "fail-flush"; readonly slot: number; readonly part: DiskPart }
  | { readonly kind: "fail-read"; readonly slot: number; readonly part: DiskPart }
  /** Of a running process, or with `downMs` of one that was killed and is started again after it. */
  | {
      readonly kind: "flip-bit";
      readonly slot: number;
      readonly part: DiskPart;
      readonly downMs: number | null;
    }
  | { readonly kind: "fill-disk"; readonly slot: number; readonly freeBytes: number; readonly forMs: number }
  | { readonly kind: "wipe"; readonly slot: number; readonly downMs: number }
  /** The log is gone and the rest of the disk is there: its process must not start (B1, B10). */
  | { readonly kind: "lose-log"; readonly slot: number; readonly downMs: number }
  /**
   * What the disk held `ageMs` before takes its place. With `remembered` its process restarts twice in
   * between, so that its peers know of later starts than the copy does.
   */
  | {
      readonly kind: "old-copy";
      readonly slot: number;
      readonly ageMs: number;
      readonly downMs: number;
      readonly remembered: boolean;
    }
  /** Somebody founds a cluster on a member, by its own id or by another one: both must change nothing (B3). */
  | { readonly kind: "bootstrap-again"; readonly slot: number; readonly otherCluster: boolean }
  /** Voters and learners by slot; `neverUp` are slots whose addresses are given to members that do not exist. */
  | {
      readonly kind: "change-membership";
      readonly target: readonly number[];
      readonly learners: readonly number[];
      readonly neverUp: readonly number[];
    }
  /**
   * Strikes in the midst of a change, so many steps of its leader after the configuration became joint, or after
   * the leader left it: the leader is killed, cut off alone, or cut off with those who are only to come.
   */
  | {
      readonly kind: "strike-change";
      readonly when: "joint" | "leaving";
      readonly steps: number;
      readonly how: "crash-leader" | "cut-leader" | "cut-newcomers";
      readonly forMs: number;
    }
  /**
   * Whoever leads next is asked to change membership: before it has committed anything (A1), or right after it,
   * when it has hardly heard of anybody (A6).
   */
  | { readonly kind: "hasty-change"; readonly slot: number; readonly isEarly: boolean }
  /**
   * Strikes while some member puts a snapshot in the place of its store: it is killed, or its disk stands still,
   * and meanwhile the leader is asked to hand over, killed, or cut off (A15).
   */
  | {
      readonly kind: "strike-install";
      readonly how: "crash" | "freeze" | "transfer" | "crash-leader" | "cut-leader";
      readonly forMs: number;
    }
  /** An administrator puts an empty member in the place of each that was lost. */
  | { readonly kind: "replace-lost" }
  | { readonly kind: "transfer"; readonly to: number }
  | OperatorFault;

/** What befalls an operator, its resource, and the platform that it acts on. */
export type OperatorFault =
  | { readonly kind: "edit-replicas"; readonly replicas: number }
  /** `bad`: no process can run with it. */
  | { readonly kind: "edit-template"; readonly bad: boolean }
  /** Out of reach, its process ended or only cut off; then it comes back, or never. */
  | {
      readonly kind: "lose-node";
      readonly slot: number;
      readonly fate: "back" | "gone" | "out-of-service";
      readonly stops: boolean;
      readonly forMs: number;
    }
  | { readonly kind: "delete-claim"; readonly slot: number; readonly withPod: boolean }
  | { readonly kind: "evict-pod"; readonly slot: number }
  /** Its claims are kept, but for those of some slots. */
  | {
      readonly kind: "recreate-resource";
      readonly replicas: number;
      readonly without: readonly number[];
      readonly downMs: number;
    }
  /** After so many more of its calls: between two of its steps. */
  | { readonly kind: "crash-operator"; readonly calls: number; readonly downMs: number }
  /** Another one takes over before it goes on. */
  | { readonly kind: "pause-operator"; readonly calls: number; readonly forMs: number }
  | { readonly kind: "operator-weather"; readonly weather: OperatorWeather; readonly forMs: number }
  | { readonly kind: "cut-operator"; readonly slots: readonly number[]; readonly forMs: number };

export type FaultKind = Fault["kind"];
export type OperatorFaultKind = OperatorFault["kind"];
/** Of the store itself, with an operator or without. */
export type StoreFaultKind = Exclude<FaultKind, OperatorFaultKind>;

export interface PlannedFault {
  readonly atMs: number;
  readonly fault: Fault;
}

export interface Plan {
  readonly seed: number;
  readonly shape: Shape;
  /** In order of time. */
  readonly faults: readonly PlannedFault[];
}

/** How a plan is drawn by who looks for something. */
export interface DrawOptions {
  /** undefined: drawn as well. */
  readonly theme?: Theme | undefined;
  /** Of some seconds, and never quiet. */
  readonly isShort?: boolean;
}

export interface RunResult {
  readonly plan: Plan;
  readonly violation: Violation | undefined;
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly steps: number;
  readonly coverage: readonly (readonly [Counter, number])[];
  /** Why less was shown than usual: what was destroyed is more than the store promises to survive. */
  readonly note?: string | undefined;
  /** The last lines of the transcript, when there is one and something was violated. */
  readonly lastEvents: readonly string[];
}

export interface RunOptions {
  /** Takes the lines of the transcript; undefined: only the last ones are kept, for a violation. */
  readonly transcript: ((line: string) => void) | undefined;
  /** Ends with the safety phase. */
  readonly isSafetyOnly?: boolean;
  /** No last events are wanted, so nothing is run a second time for them. */
  readonly isBrief?: boolean;
}

/** Carries out one plan from its first to its last event. Called within `fromEventLoop`. */
export type RunPlan = (plan: Plan, options: RunOptions) => RunResult;
