import type { KeyOperation } from "./key-histories.ts";
import type { Model } from "./linearizability.ts";
import type { Output, Seen } from "./operation.ts";

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
  /** Changes since the floor whose revisions nothing has told. */
  readonly pending: number;
}

/** What the whole history tells, so that the search need not guess and be found wrong much later. */
export interface Facts {
  /** How many revisions in (from, to] are of no known change: only those can be of one without an answer. */
  free(from: bigint, to: bigint): number;
  /** The first change of the key after a revision of which that is known; undefined: none. */
  nextChange(revision: bigint): bigint | undefined;
  /** How somebody saw the key that was put at this revision. */
  seenAt(modRevision: bigint): Seen | undefined;
}

const absent: KeyState = {
  value: undefined,
  modRevision: undefined,
  createRevision: undefined,
  version: 0n,
  floor: 0n,
  pending: 0,
};

/**
 * One key of the store: put, get, delete, both with compare-and-set by mod revision, and deletes of ranges
 * that it may have been in.
 */
export function createKvModel(facts: Facts): Model<KeyState, KeyOperation> {
  return {
    initial: absent,
    step: (state, operation) => step(facts, state, operation),
    key,
    rank,
    isTooLate,
    twin,
  };
}

/** Where nothing is known but the operations themselves. */
export const kvModel = createKvModel({
  free: () => Number.POSITIVE_INFINITY,
  nextChange: () => undefined,
  seenAt: () => undefined,
});

function key({ value, modRevision, createRevision, version, floor, pending }: KeyState): string {
  return `${value}|${modRevision}|${createRevision}|${version}|${floor}|${pending}`;
}

/** All reads of a history have the revision of the store, or none has. A mismatch may be of any later state. */
function rank({ output }: KeyOperation): bigint | undefined {
  switch (output.type) {
    case "written":
      return 2n * output.revision;
    case "read": {
      const at = output.at ?? output.seen?.modRevision;
      return at === undefined ? undefined : 2n * at + 1n;
    }
    case "absent":
      return output.at === undefined ? undefined : 2n * output.at + 1n;
    default:
      return undefined;
  }
}

/** Its answer is of a state before the floor. */
function isTooLate({ floor, modRevision }: KeyState, { output }: KeyOperation): boolean {
  switch (output.type) {
    case "written":
      return output.revision <= floor;
    case "read":
      if (output.at !== undefined) return output.at < floor;
      return output.seen !== undefined && isOver(output.seen.modRevision);
    case "absent":
      return output.at !== undefined && output.at < floor;
    case "mismatch":
      return isOver(output.actual);
    default:
      return false;
  }

  function isOver(revision: bigint): boolean {
    return revision !== 0n && revision <= floor && revision !== modRevision;
  }
}

/** Only for histories that went through `settleObserved`: nobody has read the value of what is left. */
function twin({ input }: KeyOperation): string | undefined {
  if (input.type === "get") return undefined;
  if (input.type === "put") return `put ${input.expected}`;
  return `delete ${input.type === "delete" ? input.expected : undefined}`;
}

function step(facts: Facts, state: KeyState, { input, output }: KeyOperation): KeyState | undefined {
  // A refusal that is certain has no effect, at any time; the value of such a put must never be read.
  if (output.type === "not-applied") return state;
  if (input.type === "get") {
    return output.type === "read" ? afterRead(facts, state, output.seen, output.at) : undefined;
  }
  if (input.type === "sweep") return afterSweep(facts, state, output);
  if (output.type === "mismatch") {
    const { actual } = output;
    if (input.expected === undefined || input.expected === actual) return undefined;
    return afterCompare(facts, state, actual);
  }
  const compared = input.expected === undefined ? state : afterCompare(facts, state, input.expected);
  if (output.type === "unknown") {
    // Where the comparison fails, nothing happens; it may also happen never, which the search allows for.
    if (compared === undefined) return state;
    if (input.type === "put") return withRoom(facts, afterPut(compared, input.value, undefined));
    return compared.value === undefined ? compared : withRoom(facts, afterDelete(compared, undefined));
  }
  if (compared === undefined) return undefined;
  if (output.type === "absent") {
    return input.type === "delete" ? afterRead(facts, compared, undefined, output.at) : undefined;
  }
  if (output.type !== "written" || !isNext(facts, compared, output.revision)) return undefined;
  const known =
    output.previous === undefined ? compared : afterRead(facts, compared, output.previous[0], undefined);
  if (known === undefined) return undefined;
  if (input.type === "delete") {
    return known.value === undefined ? undefined : afterDelete(known, output.revision);
  }
  const put = afterPut(known, input.value, output.revision);
  const seen = facts.seenAt(output.revision);
  return seen === undefined ? put : afterSeen(facts, put, seen);
}

/** A change can have this revision: it is later, and there is room for what came between. */
function isNext(facts: Facts, { floor, pending }: KeyState, revision: bigint): boolean {
  return revision > floor && (pending === 0 || facts.free(floor, revision - 1n) >= pending);
}

/** What is pending has to fit before the next change that is known. */
function withRoom(facts: Facts, state: KeyState): KeyState | undefined {
  const next = facts.nextChange(state.floor);
  return next === undefined || facts.free(state.floor, next - 1n) >= state.pending ? state : undefined;
}

function afterPut(state: KeyState, value: string, revision: bigint | undefined): KeyState {
  const isNew = state.value === undefined;
  return {
    value,
    modRevision: revision,
    createRevision: isNew ? revision : state.createRevision,
    version: isNew ? 1n : state.version + 1n,
    ...told(state, revision),
  };
}

function afterDelete(state: KeyState, revision: bigint | undefined): KeyState {
  return { ...absent, ...told(state, revision) };
}

function told(state: KeyState, revision: bigint | undefined): Pick<KeyState, "floor" | "pending"> {
  if (revision === undefined) return { floor: state.floor, pending: state.pending + 1 };
  return { floor: revision, pending: 0 };
}

/** A delete of a range took this key if it was there. */
function afterSweep(facts: Facts, state: KeyState, output: Output): KeyState | undefined {
  switch (output.type) {
    case "unknown":
      return state.value === undefined ? state : withRoom(facts, afterDelete(state, undefined));
    case "written":
      return isNext(facts, state, output.revision) ? afterDelete(state, output.revision) : undefined;
    case "absent":
      return afterRead(facts, state, undefined, output.at);
    default:
      return undefined;
  }
}

/** `at`: of the state that was read, so that every later change has a higher revision. */
function afterRead(
  facts: Facts,
  state: KeyState,
  seen: Seen | undefined,
  at: bigint | undefined,
): KeyState | undefined {
  const read = seen === undefined ? afterNothing(state) : afterSeen(facts, state, seen);
  if (read === undefined || at === undefined) return read;
  if (at < read.floor || (read.pending > 0 && facts.free(read.floor, at) < read.pending)) return undefined;
  return at === read.floor ? read : { ...read, floor: at, pending: 0 };
}

function afterNothing(state: KeyState): KeyState | undefined {
  return state.value === undefined ? state : undefined;
}

function afterSeen(facts: Facts, state: KeyState, seen: Seen): KeyState | undefined {
  if (state.value !== seen.value || state.version !== seen.version) return undefined;
  if (state.createRevision !== undefined && state.createRevision !== seen.createRevision) return undefined;
  const bound = bindRevision(facts, state, seen.modRevision);
  if (bound === undefined || seen.createRevision > seen.modRevision) return undefined;
  if ((seen.version === 1n) !== (seen.createRevision === seen.modRevision)) return undefined;
  return bound.createRevision === seen.createRevision
    ? bound
    : { ...bound, createRevision: seen.createRevision };
}

/** The state when the key's mod revision is this; 0n: it does not exist. undefined: it can't be. */
function afterCompare(facts: Facts, state: KeyState, revision: bigint): KeyState | undefined {
  if (revision === 0n) return afterNothing(state);
  return state.value === undefined ? undefined : bindRevision(facts, state, revision);
}

/** An answer tells the mod revision of a key that exists. */
function bindRevision(facts: Facts, state: KeyState, revision: bigint): KeyState | undefined {
  if (state.modRevision !== undefined) return state.modRevision === revision ? state : undefined;
  const { floor, pending } = state;
  if (
    revision <= floor ||
    facts.free(revision - 1n, revision) === 0 ||
    facts.free(floor, revision) < pending
  ) {
    return undefined;
  }
  const createRevision = state.version === 1n ? revision : state.createRevision;
  return { ...state, modRevision: revision, createRevision, floor: revision, pending: 0 };
}
