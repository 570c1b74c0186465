import type { KeyRange, KeyValue, RevisionRefusal } from "./types.ts";

/** What the store is asked to change, and what it answers: the shapes that apply/operation.ts carries. */
export interface PutChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lease: bigint;
  /** Answer with the key's value before. */
  readonly previous: boolean;
  /** Put only if the key's mod revision is this; 0n: if it does not exist. */
  readonly expectedModRevision: bigint | undefined;
}

export interface DeleteChange extends KeyRange {
  readonly previous: boolean;
  /** Delete only if the mod revision of the key `start` is this; for a single key. */
  readonly expectedModRevision: bigint | undefined;
}

export interface PutApplied {
  readonly type: "put";
  readonly revision: bigint;
  readonly previous: KeyValue | undefined;
}

export interface DeleteApplied {
  readonly type: "delete";
  /** Of this change; the store's revision when nothing was deleted. */
  readonly revision: bigint;
  readonly deleted: number;
  readonly previous: readonly KeyValue[];
}

export interface CompactApplied {
  readonly type: "compact";
  readonly revision: bigint;
}

export type ChangeRefusal =
  | RevisionRefusal
  | { readonly reason: "compare-failed"; readonly modRevision: bigint }
  /** `limit`: the most keys that this delete may take at once. */
  | { readonly reason: "too-many-keys"; readonly limit: number };

export interface ChangeRefused {
  readonly type: "refused";
  readonly refusal: ChangeRefusal;
}
