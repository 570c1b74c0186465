import type { Theme } from "../plan/themes.ts";

/**
 * One guard of the production code, removed. `search` must occur exactly once in `file`: when the code moves
 * on, the mutation is to be moved with it.
 */
export interface Mutation {
  /** What the code does then, in kebab-case. */
  readonly name: string;
  /** Where the guard comes from, when that is not a fault alone. */
  readonly rule?: string;
  /** What it leads to in the field: ids of the catalogue of faults. */
  readonly faults: readonly FaultId[];
  /** Package that the guard is in; undefined: replica. */
  readonly root?: "operator";
  /** In its src. */
  readonly file: string;
  readonly search: string;
  readonly replace: string;
  /** What the runs of a hunt are about, in turn; undefined: each about something else. */
  readonly themes?: readonly Theme[];
  /** Safety holds without the guard, so runs go on until they converge. */
  readonly isAboutLiveness?: boolean;
  /** Set: no property of a whole cluster depends on it, so it is left to the tests of the core; says why. */
  readonly outsideOfSimulation?: string;
}

/** A: consensus and membership, B: disks, C: network and time, D: clients, E: operation. */
export type FaultId = `${"A" | "B" | "C" | "D" | "E"}${number}`;

/** The file that the guard is in. */
export function sourceOf({ root, file }: Mutation): URL {
  return new URL(`../../../${root ?? "replica"}/src/${file}`, import.meta.url);
}
