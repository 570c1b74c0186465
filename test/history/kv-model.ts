import type { Model } from "./linearizability.ts";
import type { Operation, Seen } from "./operation.ts";

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

/** One key of the store: put, get, delete, and both with compare-and-set by mod revision. */
export const kvModel: Model<KeyState, Operation> = {
  initial: absent,

  step(state, { input, output }) {
    // A refusal that is certain has no effect, at any time; the value of such a put must never be read.
    if (output.type === "not-applied") return state;
    if (input.type === "get") return output.type === "read" ? afterRead(state, output.seen) : undefined;
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
  twin: ({ input }) => (input.type === "get" ? undefined : `${input.type} ${input.expected}`),
};

/**
 * A put without an answer whose value was read has happened, and the read tells its revision: it becomes a
 * put that was acknowledged when the first of those reads returned. Values must be unique.
 */
export function settleObserved(history: readonly Operation[]): Operation[] {
  const observed = new Map<string, { revision: bigint; returned: number }>();
  for (const { output, returned } of history) {
    if (output.type !== "read" || output.seen === undefined) continue;
    const { value, modRevision } = output.seen;
    const before = observed.get(value);
    observed.set(value, {
      // If it was applied twice, the second revision is one too many.
      revision: before === undefined || modRevision < before.revision ? modRevision : before.revision,
      returned: Math.min(returned, before?.returned ?? returned),
    });
  }
  return history.map((operation) => {
    const { input, output } = operation;
    const seen = input.type === "put" && output.type === "unknown" ? observed.get(input.value) : undefined;
    if (seen === undefined || seen.returned < operation.invoked) return operation;
    return { ...operation, output: { type: "written", revision: seen.revision }, returned: seen.returned };
  });
}

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
