import { keysBetween, keysOf } from "./key-histories.ts";
import type { KeySeen, Operation } from "./operation.ts";
import { type HistoryProblem, type ProblemKind, problemOf } from "./problem.ts";
import { seenIn } from "./settle-observed.ts";

/** Something happened to a key at a revision. */
export interface KeyEvent {
  readonly revision: number;
  /** undefined: it is gone, if it was there. */
  readonly put: boolean;
  /** undefined: an answer showed that there was a change, but not whose. */
  readonly operation: Operation | undefined;
  /** Puts of the key up to here, this one included. */
  puts: number;
}

interface Shown {
  readonly key: string;
  readonly revision: bigint;
  /** What is wrong if it is not so. */
  readonly kind: ProblemKind;
}

/**
 * What is known of every revision: the changes that were acknowledged, and those that somebody saw. Revisions
 * are numbers here.
 */
export class Timeline {
  readonly operations: readonly Operation[];
  readonly keys: readonly string[];
  readonly problems: HistoryProblem[] = [];
  /** Writes of unknown outcome that nobody saw: each may have been applied once, or not. */
  readonly loose: readonly Operation[];
  /** Whose change a revision is, where that is known. */
  readonly owners = new Map<number, Operation>();
  #owned: readonly number[] = [];
  readonly #sights = new Map<bigint, KeySeen>();
  readonly #events = new Map<string, KeyEvent[]>();
  /** Of every known change, in order. */
  #revisions: readonly number[] = [];
  /** Keys of changes whose operation is not known. */
  readonly #anonymous = new Map<number, string>();
  readonly #writers = new Map<string, Operation>();
  readonly #looseDeletes = new Map<string, number>();
  readonly #loosePuts = new Map<string, { count: number; invoked: number }>();

  /** `operations`: after settleObserved. */
  constructor(operations: readonly Operation[]) {
    this.operations = operations;
    this.keys = keysOf(operations);
    this.loose = operations.filter(({ input, output }) => output.type === "unknown" && isChange(input.type));
    for (const key of this.keys) this.#events.set(key, []);
    for (const operation of operations) {
      if (operation.input.type === "put") this.#writers.set(operation.input.value, operation);
    }
    this.#indexLoose();
    this.#addAcknowledged();
    this.#addSeen();
    this.#sort();
  }

  /** In order of revisions. */
  eventsOf(key: string): readonly KeyEvent[] {
    return this.#events.get(key) ?? [];
  }

  /** The last known change of a key up to a revision. */
  lastEvent(key: string, revision: number): KeyEvent | undefined {
    const events = this.eventsOf(key);
    return events[countUpTo(events, revision, ({ revision: at }) => at) - 1];
  }

  nextEvent(key: string, revision: number): KeyEvent | undefined {
    const events = this.eventsOf(key);
    return events[countUpTo(events, revision, ({ revision: at }) => at)];
  }

  /** Revisions in (from, to] that may be of changes nobody saw. */
  gaps(from: number, to: number): number {
    const known = (revision: number) => countUpTo(this.#revisions, revision, (at) => at);
    return to - from - (known(to) - known(from));
  }

  /** The first change of a key after a revision of which it is known whose it is. */
  nextOwned(key: string, revision: number): number | undefined {
    const events = this.eventsOf(key);
    let at = countUpTo(events, revision, (event) => event.revision);
    while (at < events.length && events[at]!.operation === undefined) at += 1;
    return events[at]?.revision;
  }

  /** How somebody saw the key that was put at this revision. */
  seenAt(modRevision: bigint): KeySeen | undefined {
    return this.#sights.get(modRevision);
  }

  /** Revisions in (from, to] whose change is not known. */
  free(from: number, to: number): number {
    const owned = (revision: number) => countUpTo(this.#owned, revision, (at) => at);
    return Math.max(0, to - from - (owned(to) - owned(from)));
  }

  /** A deletion without an answer may have taken the key in (from, to]. */
  maybeDeleted(key: string, from: number, to: number, before: number): boolean {
    const invoked = this.#looseDeletes.get(key);
    return invoked !== undefined && invoked <= before && this.gaps(from, to) > 0;
  }

  /** A put without an answer may have brought the key in (from, to]. */
  maybePut(key: string, from: number, to: number, before: number): boolean {
    const loose = this.#loosePuts.get(key);
    return loose !== undefined && loose.invoked <= before && this.gaps(from, to) > 0;
  }

  loosePuts(key: string): number {
    return this.#loosePuts.get(key)?.count ?? 0;
  }

  #indexLoose(): void {
    for (const { input, invoked } of this.loose) {
      if (input.type === "put") {
        const before = this.#loosePuts.get(input.key);
        const count = (before?.count ?? 0) + 1;
        this.#loosePuts.set(input.key, { count, invoked: Math.min(invoked, before?.invoked ?? invoked) });
        continue;
      }
      const taken =
        input.type === "delete"
          ? [input.key]
          : input.type === "delete-range"
            ? keysBetween(this.keys, input.start, input.end)
            : [];
      for (const key of taken) {
        this.#looseDeletes.set(key, Math.min(invoked, this.#looseDeletes.get(key) ?? invoked));
      }
    }
  }

  #addAcknowledged(): void {
    for (const operation of this.operations) {
      const revision = changeOf(operation);
      if (revision === undefined) continue;
      const owner = this.owners.get(revision);
      if (owner !== undefined) {
        this.problems.push(problemOf("revision-reuse", "two changes share a revision", owner, operation));
      }
      this.owners.set(revision, operation);
      const { input } = operation;
      if (input.type === "delete-range") {
        for (const key of keysBetween(this.keys, input.start, input.end)) {
          this.#add(key, revision, false, operation);
        }
      } else if (input.type === "put" || input.type === "delete") {
        this.#add(input.key, revision, input.type === "put", operation);
      }
    }
  }

  #addSeen(): void {
    const checked = new Set<string>();
    const shown = new Set<string>();
    for (const operation of this.operations) {
      const { input, output } = operation;
      for (const seen of seenIn(output)) {
        const key = seen.key ?? ("key" in input ? input.key : "");
        const sight = `${key} ${seen.value} ${seen.modRevision}`;
        if (!checked.has(sight)) this.#checkWriter(operation, { ...seen, key });
        checked.add(sight);
        this.#sights.set(seen.modRevision, { ...seen, key });
        this.#show(shown, { key, revision: seen.createRevision, kind: "wrong-state" }, operation);
      }
      if (input.type === "put" || input.type === "delete") {
        const { key, expected = 0n } = input;
        const revision =
          output.type === "mismatch" ? output.actual : output.type === "written" ? expected : 0n;
        this.#show(shown, { key, revision, kind: "wrong-compare" }, operation);
      }
    }
  }

  /** The value that was seen is one that was written, once, there, and before. */
  #checkWriter(reader: Operation, { key, value, modRevision }: KeySeen): void {
    const writer = this.#writers.get(value);
    const revision = Number(modRevision);
    if (writer === undefined || !("key" in writer.input) || writer.input.key !== key) {
      this.problems.push(problemOf("unwritten-value", `nobody wrote ${value} to ${key}`, writer, reader));
      return;
    }
    const { output } = writer;
    if (output.type === "written") {
      if (Number(output.revision) === revision) {
        if (writer.invoked > reader.returned) {
          this.problems.push(problemOf("unwritten-value", "read before it was written", reader, writer));
        }
        return;
      }
      const what = `written at revision ${output.revision} and at ${revision}`;
      this.problems.push(problemOf("applied-twice", what, writer, reader));
    } else if (output.type === "unknown") {
      this.problems.push(problemOf("unwritten-value", "read before it was written", reader, writer));
    } else {
      this.problems.push(problemOf("refused-but-seen", "refused, and yet it was seen", writer, reader));
    }
    this.#add(key, revision, true, undefined);
  }

  /** An answer showed that this revision is of a put of the key. 0n: of nothing. */
  #show(shown: Set<string>, { key, revision, kind }: Shown, shower: Operation): void {
    const sight = `${key} ${revision}`;
    if (revision === 0n || shown.has(sight)) return;
    shown.add(sight);
    const owner = this.owners.get(Number(revision));
    const other = this.#anonymous.get(Number(revision));
    const isOwn = owner?.input.type === "put" && owner.input.key === key;
    if ((owner !== undefined && !isOwn) || (other !== undefined && other !== key)) {
      const what = `revision ${revision} is not of a put of ${key}`;
      this.problems.push(problemOf(kind, what, owner, shower));
    } else if (owner === undefined) {
      this.#anonymous.set(Number(revision), key);
      this.#add(key, Number(revision), true, undefined);
    }
  }

  #add(key: string, revision: number, put: boolean, operation: Operation | undefined): void {
    const events = this.#events.get(key);
    if (events === undefined) this.#events.set(key, [{ revision, put, operation, puts: 0 }]);
    else events.push({ revision, put, operation, puts: 0 });
  }

  #sort(): void {
    const revisions = new Set<number>();
    for (const [key, unordered] of this.#events) {
      unordered.sort(
        (a, b) =>
          a.revision - b.revision || Number(b.operation !== undefined) - Number(a.operation !== undefined),
      );
      const events = unordered.filter(({ revision }, at) => unordered[at - 1]?.revision !== revision);
      let puts = 0;
      for (const event of events) {
        if (event.put) puts += 1;
        event.puts = puts;
        revisions.add(event.revision);
      }
      this.#events.set(key, events);
    }
    // A delete of a range may have taken no key that has a name here.
    for (const revision of this.owners.keys()) revisions.add(revision);
    this.#owned = [...this.owners.keys()].sort((a, b) => a - b);
    this.#revisions = [...revisions].sort((a, b) => a - b);
  }
}

function isChange(type: Operation["input"]["type"]): boolean {
  return type === "put" || type === "delete" || type === "delete-range";
}

/** The revision that an acknowledged operation made; undefined: it made none. */
export function changeOf({ output }: Operation): number | undefined {
  if (output.type === "written") return Number(output.revision);
  return output.type === "deleted-range" && output.keys > 0 ? Number(output.revision) : undefined;
}

/** How many of `sorted` are at most `limit`. */
function countUpTo<T>(sorted: readonly T[], limit: number, position: (item: T) => number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (position(sorted[middle]!) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
