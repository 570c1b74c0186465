import type { KeyOperation } from "./key-histories.ts";
import type { Model } from "./linearizability.ts";
import type { Seen } from "./operation.ts";

/** One key. Revisions that no answer has told yet are undefined. */
export interface KeyState {
  readonly value: string | undefined;
  /** Of the last put; undefined when its outcome was unknown and nothing has told it since. */
  readonly modRevision: bigint | undefined;
  readonly createRevision: bigint | undefined;
  /** Number of puts since the key was created. An operation that is applied twice shows here. */
  readonly version: bigint;
  /** Every later change has a higher revision. */
  readonly floor: bigint;
}

const absent: KeyState = {
  value: undefined,
  modRevision: undefined,
  createRevision: undefined,
  version: 0n,
  floor: 0n,
};

/**
 * One key of the store: put, get, delete, both with compare-and-set by mod revision, and deletes of ranges
 * that it may have been in.
 */
export const kvModel: Model<KeyState, KeyOperation> = {
  initial: absent,

  step(state, { input, output }) {
    // A refusal that is certain has no effect, at any time; the value of such a put must never be read.
    if (output.type === "not-applied") return state;
    if (input.type === "get") return output.type === "read" ? afterRead(state, output.seen) : undefined;
    if (input.type === "sweep") return afterSweep(state, output);
    if (output.type === "mismatch") return afterMismatch(state, input.expected, output.actual);
    const compared = input.expected === undefined ? state : afterCompare(state, input.expected);
    if (output.type === "unknown") {
      // Where the comparison fails, nothing happens; it may also happen never, which the search allows for.
      if (compared === undefined) return state;
      if (input.type === "put") return afterPut(compared, input.value, undefined);
      return compared.value === undefined ? compared : afterDelete(compared, undefined);
    }
    if (compared === undefined) return undefined;
    if (output.type === "absent")
      return input.type === "delete" && compared.value === undefined ? compared : undefined;
    if (output.type !== "written" || output.revision <= compared.floor) return undefined;
    if (input.type === "put") return afterPut(compared, input.value, output.revision);
    return compared.value === undefined ? undefined : afterDelete(compared, output.revision);
  },

  key: ({ value, modRevision, createRevision, version, floor }) =>
    `${value}|${modRevision}|${createRevision}|${version}|${floor}`,

  rank({ output }) {
    switch (output.type) {
      case "written":
        return 2n * output.revision;
      case "read":
        return output.seen === undefined ? undefined : 2n * output.seen.modRevision + 1n;
      case "mismatch":
        return output.actual === 0n ? undefined : 2n * output.actual + 1n;
      default:
        return undefined;
    }
  },

  // Only for histories that went through `settleObserved`: nobody has read the value of what is left.
  twin({ input }) {
    if (input.type === "get") return undefined;
    return input.type === "put"
      ? `put ${input.expected}`
      : `delete ${input.type === "delete" ? input.expected : undefined}`;
  },
};

function afterPut(state: KeyState, value: string, revision: bigint | undefined): KeyState {
  const isNew = state.value === undefined;
  return {
    value,
    modRevision: revision,
    createRevision: isNew ? revision : state.createRevision,
    version: isNew ? 1n : state.version + 1n,
    floor: revision ?? state.floor,
  };
}

function afterDelete(state: KeyState, revision: bigint | undefined): KeyState {
  return { ...absent, floor: revision ?? state.floor };
}

/** A delete of a range took this key if it was there. */
function afterSweep(state: KeyState, output: KeyOperation["output"]): KeyState | undefined {
  switch (output.type) {
    case "unknown":
      return state.value === undefined ? state : afterDelete(state, undefined);
    case "written":
      return output.revision <= state.floor ? undefined : afterDelete(state, output.revision);
    case "absent":
      return state.value === undefined ? state : undefined;
    default:
      return undefined;
  }
}

function afterRead(state: KeyState, seen: Seen | undefined): KeyState | undefined {
  if (seen === undefined) return state.value === undefined ? state : undefined;
  if (state.value !== seen.value || state.version !== seen.version) return undefined;
  if (state.createRevision !== undefined && state.createRevision !== seen.createRevision) return undefined;
  const bound = bindRevision(state, seen.modRevision);
  if (bound === undefined || seen.createRevision > seen.modRevision) return undefined;
  if ((seen.version === 1n) !== (seen.createRevision === seen.modRevision)) return undefined;
  return { ...bound, createRevision: seen.createRevision };
}

function afterMismatch(state: KeyState, expected: bigint | undefined, actual: bigint): KeyState | undefined {
  if (expected === undefined || expected === actual) return undefined;
  return afterCompare(state, actual);
}

/** The state when the key's mod revision is this; 0n: it does not exist. undefined: it can't be. */
function afterCompare(state: KeyState, revision: bigint): KeyState | undefined {
  if (revision === 0n) return state.value === undefined ? state : undefined;
  return state.value === undefined ? undefined : bindRevision(state, revision);
}

/** An answer tells the mod revision of a key that exists. */
function bindRevision(state: KeyState, revision: bigint): KeyState | undefined {
  if (state.modRevision !== undefined) return state.modRevision === revision ? state : undefined;
  if (revision <= state.floor) return undefined;
  const createRevision = state.version === 1n ? revision : state.createRevision;
  return { ...state, modRevision: revision, createRevision, floor: revision };
}
