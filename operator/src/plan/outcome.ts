import type { Reason } from "../api/v1alpha1/reasons.ts";
import type { ChangeKind, MemberId } from "../api/v1alpha1/types.ts";
import type { Step } from "./step.ts";

/** Why the store is not as asked for. */
export interface Finding {
  /**
   * `progress`: the operator works on it. `trouble`: something is broken, or somebody has to act. `notice`: nothing is
   * wrong, and less can go wrong than should.
   */
  readonly level: "progress" | "trouble" | "notice";
  readonly reason: Reason;
  readonly message: string;
}

/** One disruptive step, with what has to be written to the latch before it. */
export interface Proposal {
  /** undefined: harmless when it comes late or twice, and needs no latch. */
  readonly latch?: Latch;
  readonly steps: readonly Step[];
}

export interface Latch {
  readonly kind: ChangeKind;
  readonly reason: string;
  readonly slot?: number;
  readonly uid?: string;
  readonly voters?: readonly MemberId[];
}

/** What one planner has to say. */
export interface Outcome {
  /** Harmless: may be done at any time, twice, or late. */
  readonly steps?: readonly Step[];
  readonly proposal?: Proposal | undefined;
  readonly findings?: readonly Finding[];
  /** Milliseconds since the epoch at which a deadline ends. */
  readonly wakeAt?: number | undefined;
}

/** All that they say, in order; of the proposals the first. */
export function mergeOutcomes(outcomes: readonly Outcome[]): Outcome {
  return {
    steps: outcomes.flatMap(({ steps }) => steps ?? []),
    proposal: outcomes.find(({ proposal }) => proposal !== undefined)?.proposal,
    findings: outcomes.flatMap(({ findings }) => findings ?? []),
    wakeAt: Math.min(...outcomes.map(({ wakeAt }) => wakeAt ?? Number.POSITIVE_INFINITY)),
  };
}
