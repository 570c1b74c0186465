import type { FaultId, Mutation } from "./mutation.ts";

const ids = (letter: "A" | "B", count: number): FaultId[] =>
  Array.from({ length: count }, (_, i) => `${letter}${i + 1}` as const);

/** The catalogue's faults of consensus and membership (A) and of disks (B). */
export const catalogue: readonly FaultId[] = [...ids("A", 20), ...ids("B", 15)];

/** Why no guard that could be removed stands for them. */
export const notApplicable: Readonly<Partial<Record<FaultId, string>>> = {
  B13: "of a storage engine under load: the simulated disk has no free list and no page cache; the benchmarks watch it",
  B15: "of LMDB's own pages, which the simulated disk does not have; real processes are killed in `npm run test:faults`",
};

/** Of each fault of the catalogue its mutations, or why it has none. */
export function faultCoverage(mutations: readonly Mutation[]): [FaultId, string][] {
  return catalogue.map((id) => {
    const names = mutations.filter(({ faults }) => faults.includes(id)).map(({ name }) => name);
    return [id, names.length > 0 ? names.join(", ") : `none: ${notApplicable[id] ?? "**missing**"}`];
  });
}
