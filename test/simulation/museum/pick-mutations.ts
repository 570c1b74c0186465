import { createHash } from "node:crypto";
import type { Mutation } from "./mutation.ts";

export interface Picking {
  /** Parts of names, one of which must be in a mutation's name; undefined: all. */
  readonly only?: readonly string[] | undefined;
  /** So many of them; undefined: all. */
  readonly pick?: number | undefined;
  /** What the choice depends on, such as a commit. */
  readonly by: string;
}

/** Those that a simulation can see. The same choice for the same `by`; over many, each gets its turn. */
export function pickMutations(mutations: readonly Mutation[], { only, pick, by }: Picking): Mutation[] {
  const all = mutations.filter(
    ({ name, outsideOfSimulation }) =>
      outsideOfSimulation === undefined && (only === undefined || only.some((part) => name.includes(part))),
  );
  if (pick === undefined) return all;
  const rank = ({ name }: Mutation) => createHash("sha256").update(`${by}\n${name}`).digest("hex");
  return all.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1)).slice(0, pick);
}
