/**
 * What clients did and saw. Times are positions on one clock of the recorder: an operation that returned
 * before another was invoked precedes it. Nothing here knows of processes, networks or clocks, so that a
 * simulator records in the same shape.
 */
export type Input = KeyInput | RangeInput | DeleteRangeInput | CompactInput;

/** Of one key. */
export type KeyInput = GetInput | PutInput | DeleteInput;

/** How a read is done; without any of it: linearizably, of the newest. */
export interface ReadInput {
  readonly consistency?: "serializable";
  /** Not before this revision is there. */
  readonly minRevision?: bigint;
  /** As it was at this revision. */
  readonly revision?: bigint;
}

export interface GetInput extends ReadInput {
  readonly type: "get";
  readonly key: string;
}

export interface PutInput {
  readonly type: "put";
  readonly key: string;
  /** Unique in a history. */
  readonly value: string;
  /** Compare-and-set: only if the key's mod revision is this; 0n: only if it does not exist. */
  readonly expected?: bigint;
}

export interface DeleteInput {
  readonly type: "delete";
  readonly key: string;
  readonly expected?: bigint;
}

/** Of the keys in [start, end), in the order of their bytes. */
export interface RangeInput extends ReadInput {
  readonly type: "range";
  readonly start: string;
  readonly end: string;
  readonly limit?: number;
}

export interface DeleteRangeInput {
  readonly type: "delete-range";
  readonly start: string;
  readonly end: string;
}

export interface CompactInput {
  readonly type: "compact";
  readonly revision: bigint;
}

/** What a read sees of a key that exists. */
export interface Seen {
  readonly value: string;
  readonly modRevision: bigint;
  readonly createRevision: bigint;
  readonly version: bigint;
}

export interface KeySeen extends Seen {
  readonly key: string;
}

/** `at`: the store's revision when it answered, where the recorder knows it. */
export type Output =
  /** A get's answer; undefined: the key does not exist. */
  | { readonly type: "read"; readonly seen: Seen | undefined; readonly at?: bigint }
  /** A range's answer; `more`: there are keys beyond the last one. */
  | {
      readonly type: "ranged";
      readonly pairs: readonly KeySeen[];
      readonly more: boolean;
      readonly at: bigint;
    }
  /**
   * A put's or a delete's acknowledgement; a delete of no key changes nothing and has no revision.
   * `previous`: what was there before, if it was asked for.
   */
  | { readonly type: "written"; readonly revision: bigint; readonly previous?: readonly KeySeen[] }
  | { readonly type: "absent"; readonly at?: bigint }
  /** How many keys a delete of a range took; 0: nothing changed, and `revision` is the store's. */
  | {
      readonly type: "deleted-range";
      readonly revision: bigint;
      readonly keys: number;
      readonly previous?: readonly KeySeen[];
    }
  /** A compaction's acknowledgement. */
  | { readonly type: "compacted" }
  /** A compare that failed, with the mod revision that the key had; 0n: it did not exist. */
  | { readonly type: "mismatch"; readonly actual: bigint }
  /** Refused: history before `oldest` is gone; for a compaction, it was there before. */
  | { readonly type: "too-old"; readonly oldest: bigint }
  /** Refused: the store is only at `newest`. */
  | { readonly type: "too-new"; readonly newest: bigint }
  /** Refused, certainly not applied; or a read that failed. */
  | { readonly type: "not-applied"; readonly reason: string }
  /** No answer, or one that says as much: applied once at any time after the invocation, or never. */
  | { readonly type: "unknown"; readonly reason: string };

export interface Operation {
  readonly client: number;
  readonly input: Input;
  readonly output: Output;
  readonly invoked: number;
  /** Infinity when the outcome is unknown. */
  readonly returned: number;
  /** Operations of one call stand one after another in a history, share this, and are applied together. */
  readonly call?: number;
  /** Who answered, where the recorder knows it. */
  readonly served?: Served;
}

export interface Served {
  readonly replica: number;
  /** Of the process, or of the member in it: what a replica has may go back from one to the next. */
  readonly life: number;
  /** Grows with each answer of any replica. */
  readonly order: number;
}

/** Of a read: what it needs not be fresh for, or undefined for any other operation. */
export function readInputOf(input: Input): ReadInput | undefined {
  return input.type === "get" || input.type === "range" ? input : undefined;
}

/** A read of the newest that must see everything that was acknowledged before it. */
export function isLinearizableRead(input: Input): boolean {
  const read = readInputOf(input);
  return read !== undefined && read.consistency === undefined && read.revision === undefined;
}
