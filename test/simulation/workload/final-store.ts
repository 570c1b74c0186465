import type { KeyValue } from "@rstore/replica/mvcc/types";

/** A replica's store after everything, read past all that guards it. */
export interface FinalStore {
  /** Of its slot. */
  readonly index: number;
  readonly name: string;
  readonly revision: bigint;
  readonly compactedRevision: bigint;
  /** Keys in [start, end) as of a revision that is not compacted; undefined: the newest. */
  read(start: string, end: string, revision: bigint | undefined): readonly KeyValue[];
}
