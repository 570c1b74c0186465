export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly version: bigint;
  readonly lease: bigint;
}

/** Keys in [start, end). `end` undefined: the one key `start`; `end` empty: to the end of the store. */
export interface KeyRange {
  readonly start: Uint8Array;
  readonly end: Uint8Array | undefined;
}

/** One bounded, synchronous step of a range read. */
export interface RangeQuery extends KeyRange {
  /** undefined: the newest. */
  readonly revision: bigint | undefined;
  readonly reverse: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  /** Most keys to return or count in this step; at least 1. */
  readonly maxKeys: number;
  /** The step ends when the keys and values returned reach this many bytes. */
  readonly maxBytes: number;
}

export interface RangeStep {
  readonly keyValues: readonly KeyValue[];
  /** Keys returned or counted in this step. */
  readonly count: number;
  /** The range that is left, when the step ended before its end. */
  readonly next: KeyRange | undefined;
}

export type RevisionRefusal =
  | { readonly reason: "compacted"; readonly compactedRevision: bigint }
  | { readonly reason: "future"; readonly revision: bigint };
