import type { KeyRange, KeyValue } from "../mvcc/types.ts";

/** A change as it is proposed; validated before it gets here. */
export type WriteOperation = PutOperation | DeleteOperation | CompactOperation;

export interface PutOperation {
  readonly type: "put";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly lease: bigint;
  readonly previous: boolean;
  /** Compare-and-set; 0n: the key must not exist; undefined: unconditional. */
  readonly expectedModRevision: bigint | undefined;
}

export interface DeleteOperation extends KeyRange {
  readonly type: "delete";
  readonly previous: boolean;
  readonly expectedModRevision: bigint | undefined;
}

export interface CompactOperation {
  readonly type: "compact";
  readonly revision: bigint;
}

export type WriteResult =
  | { readonly type: "put"; readonly revision: bigint; readonly previous: KeyValue | undefined }
  | {
      readonly type: "delete";
      readonly revision: bigint;
      readonly deleted: number;
      readonly previous: readonly KeyValue[];
    }
  | { readonly type: "compact"; readonly revision: bigint }
  | { readonly type: "refused"; readonly refusal: WriteRefusal };

/** Decided while applying, the same on every replica; nothing was changed. */
export type WriteRefusal =
  | { readonly reason: "compare-failed"; readonly modRevision: bigint }
  | { readonly reason: "compacted"; readonly compactedRevision: bigint }
  | { readonly reason: "future"; readonly revision: bigint }
  | { readonly reason: "too-many-keys"; readonly limit: number };
