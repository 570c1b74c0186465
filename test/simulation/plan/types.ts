import type { DiskPart, DiskWeather } from "../disk/types.ts";
import type { LinkWeather } from "../network/types.ts";

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

/** One fault, at a time, as data: a plan can be printed, shrunk and replayed. Times in simulated ms. */
export type Fault =
  | { readonly kind: "crash"; readonly slot: number; readonly downMs: number }
  | { readonly kind: "crash-at-call"; readonly slot: number; readonly calls: number; readonly downMs: number }
  | { readonly kind: "crash-all"; readonly downMs: number }
  | { readonly kind: "stop"; readonly slot: number; readonly downMs: number }
  | { readonly kind: "pause"; readonly slot: number; readonly forMs: number }
  | { readonly kind: "clock-rate"; readonly slot: number; readonly rate: number }
  | { readonly kind: "partition"; readonly side: readonly number[]; readonly forMs: number }
  | {
      readonly kind: "one-way";
      readonly from: readonly number[];
      readonly to: readonly number[];
      readonly forMs: number;
    }
  | { readonly kind: "partial"; readonly a: number; readonly b: number; readonly forMs: number }
  | { readonly kind: "isolate-leader"; readonly forMs: number }
  | { readonly kind: "pause-leader"; readonly forMs: number }
  | { readonly kind: "crash-leader"; readonly downMs: number }
  | {
      readonly kind: "flap";
      readonly a: number;
      readonly b: number;
      readonly everyMs: number;
      readonly forMs: number;
    }
  | { readonly kind: "swizzle"; readonly slots: readonly number[]; readonly stepMs: number }
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
  | { readonly kind: "fail-flush"; readonly slot: number; readonly part: DiskPart; readonly downMs: number }
  | { readonly kind: "fail-read"; readonly slot: number; readonly part: DiskPart; readonly downMs: number }
  | { readonly kind: "flip-bit"; readonly slot: number; readonly part: DiskPart }
  | { readonly kind: "fill-disk"; readonly slot: number; readonly freeBytes: number; readonly forMs: number }
  | { readonly kind: "wipe"; readonly slot: number; readonly downMs: number }
  | { readonly kind: "old-copy"; readonly slot: number; readonly ageMs: number; readonly downMs: number }
  | {
      readonly kind: "change-membership";
      readonly target: readonly number[];
      readonly learners: readonly number[];
      readonly neverUp: readonly number[];
    }
  | { readonly kind: "transfer"; readonly to: number };

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

export interface RunResult {
  readonly plan: Plan;
  readonly violation: import("../world/world.ts").Violation | undefined;
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly steps: number;
  readonly coverage: readonly (readonly [import("../world/coverage.ts").Counter, number])[];
  /** The last lines of the transcript, when something was violated. */
  readonly lastEvents: readonly string[];
}
