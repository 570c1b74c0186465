import fc from "fast-check";
import { expect, test } from "vitest";
import { bytesFromText, textFromBytes } from "./bytes.ts";
import { Store } from "./store.ts";
import { MemoryBackend } from "./testing/memory-backend.ts";
import type { KeyRange, KeyValue, RevisionRefusal } from "./types.ts";

/** The whole store at every revision: nothing to get wrong. */
class Model {
  readonly states: Map<string, KeyValue>[] = [new Map(), new Map()];
  compacted = 0;

  get revision(): number {
    return this.states.length - 1;
  }

  /** What compaction must leave: events by table rev, and deleted keys that still have history. */
  remaining(): { events: number; deletedKeys: number } {
    let events = this.at(Math.max(1, this.compacted)).size;
    const deleted = new Set<string>();
    for (let revision = Math.max(2, this.compacted + 1); revision <= this.revision; revision++) {
      const [before, now] = [this.at(revision - 1), this.at(revision)];
      const changed = [...now.values()].filter(({ modRevision }) => modRevision === BigInt(revision));
      const gone = [...before.keys()].filter((text) => !now.has(text));
      events += changed.length + gone.length;
      for (const text of gone) deleted.add(text);
    }
    for (const text of this.at(this.revision).keys()) deleted.delete(text);
    return { events, deletedKeys: deleted.size };
  }

  at(revision: number): Map<string, KeyValue> {
    return this.states[revision]!;
  }

  put(key: string, value: string): void {
    const now = new Map(this.at(this.revision));
    const before = now.get(key);
    const modRevision = BigInt(this.states.length);
    now.set(key, {
      key: bytesFromText(key),
      value: bytesFromText(value),
      createRevision: before?.createRevision ?? modRevision,
      modRevision,
      version: (before?.version ?? 0n) + 1n,
      lease: 0n,
    });
    this.states.push(now);
  }

  delete(victims: readonly KeyValue[]): void {
    if (victims.length === 0) return;
    const now = new Map(this.at(this.revision));
    for (const { key } of victims) now.delete(textFromBytes(key));
    this.states.push(now);
  }

  range(revision: number, start: string, end: string | undefined): KeyValue[] {
    const inside = (key: string) =>
      end === undefined ? key === start : key >= start && (end === "" || key < end);
    const found = [...this.at(revision)].filter(([key]) => inside(key));
    return found.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, keyValue]) => keyValue);
  }
}

const key = fc
  .array(fc.constantFrom("\x00", "a", "\xff"), { minLength: 1, maxLength: 2 })
  .map((texts) => texts.join(""));
const range = fc.record({
  start: fc.oneof(fc.constant(""), key),
  end: fc.option(fc.oneof(fc.constant(""), key), { nil: undefined }),
});

type Change =
  | {
      do: "put";
      key: string;
      value: string;
      expected: "none" | "right" | "wrong" | "absent";
      previous: boolean;
    }
  | {
      do: "delete";
      key: string;
      end: string | undefined;
      previous: boolean;
      expected: "none" | "right" | "wrong";
    }
  | { do: "compact"; back: number };

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant("put" as const),
      key,
      value: fc.string({ unit: "binary-ascii", maxLength: 3 }),
      expected: fc.constantFrom("none", "none", "right", "wrong", "absent"),
      previous: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("delete" as const),
      key,
      end: fc.option(fc.oneof(fc.constant(""), key), { nil: undefined, freq: 2 }),
      previous: fc.boolean(),
      expected: fc.constantFrom("none", "none", "right", "wrong"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("compact" as const), back: fc.nat(8) }) },
);

const event = fc.oneof(
  { weight: 10, arbitrary: fc.record({ on: fc.constant("change" as const), change }) },
  { weight: 2, arbitrary: fc.record({ on: fc.constant("flush" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      on: fc.constant("compactStep" as const),
      maxRecords: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ on: fc.constant("restart" as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      on: fc.constant("read" as const),
      range,
      back: fc.integer({ min: -1, max: 12 }),
      reverse: fc.boolean(),
      mode: fc.constantFrom("all", "keysOnly", "countOnly"),
      maxKeys: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

/** Applies a change to a store; the answer is what a client would see. */
function applyTo(store: Store, change: Change): unknown {
  if (change.do === "compact") {
    const revision = store.revision - BigInt(change.back);
    return revision < 1n ? undefined : store.compact(revision);
  }
  const start = bytesFromText(change.key);
  const now = store.get(start, undefined) as KeyValue | undefined;
  const expectedModRevision = {
    none: undefined,
    right: now?.modRevision ?? 0n,
    wrong: (now?.modRevision ?? 0n) + 1n,
    absent: 0n,
  }[change.expected];
  const { previous } = change;
  if (change.do === "put") {
    return store.put({
      key: start,
      value: bytesFromText(change.value),
      lease: 0n,
      previous,
      expectedModRevision,
    });
  }
  const end = change.end === undefined ? undefined : bytesFromText(change.end);
  return store.delete({
    start,
    end,
    previous,
    expectedModRevision: end === undefined ? expectedModRevision : undefined,
  });
}

/** The same on the model, with the answer that is right. */
function expectedOf(model: Model, change: Change): unknown {
  if (change.do === "compact") {
    const revision = model.revision - change.back;
    if (revision < 1) return undefined;
    if (revision <= model.compacted) {
      const refusal = { reason: "compacted", compactedRevision: BigInt(model.compacted) };
      return { type: "refused", refusal };
    }
    model.compacted = revision;
    return { type: "compact", revision: BigInt(revision) };
  }
  const now = model.at(model.revision).get(change.key);
  const compares = change.do === "put" || change.end === undefined;
  if (compares && (change.expected === "wrong" || (change.expected === "absent" && now !== undefined))) {
    return { type: "refused", refusal: { reason: "compare-failed", modRevision: now?.modRevision ?? 0n } };
  }
  if (change.do === "put") {
    model.put(change.key, change.value);
    return { type: "put", revision: BigInt(model.revision), previous: change.previous ? now : undefined };
  }
  const victims = model.range(model.revision, change.key, change.end);
  model.delete(victims);
  const previous = change.previous ? victims : [];
  return { type: "delete", revision: BigInt(model.revision), deleted: victims.length, previous };
}

/** A whole range, step by step. */
function readAll(
  store: Store,
  query: { range: KeyRange; revision: bigint; reverse: boolean; mode: string; maxKeys: number },
): { keyValues: KeyValue[]; count: number } | RevisionRefusal {
  const keyValues: KeyValue[] = [];
  let count = 0;
  let left: KeyRange | undefined = query.range;
  while (left !== undefined) {
    const step = store.rangeStep({
      ...left,
      revision: query.revision,
      reverse: query.reverse,
      keysOnly: query.mode === "keysOnly",
      countOnly: query.mode === "countOnly",
      maxKeys: query.maxKeys,
      maxBytes: 20,
    });
    if ("reason" in step) return step;
    expect(step.count).toBeLessThanOrEqual(query.maxKeys);
    keyValues.push(...step.keyValues);
    count += step.count;
    left = step.next;
  }
  return { keyValues, count };
}

function checkRead(
  store: Store,
  model: Model,
  read: {
    range: { start: string; end: string | undefined };
    back: number;
    reverse: boolean;
    mode: string;
    maxKeys: number;
  },
): void {
  const revision = model.revision - read.back;
  if (revision < 1) return;
  const { start, end } = read.range;
  const found = readAll(store, {
    ...read,
    range: { start: bytesFromText(start), end: end === undefined ? undefined : bytesFromText(end) },
    revision: BigInt(revision),
  });
  if (revision > model.revision) {
    expect(found).toEqual({ reason: "future", revision: BigInt(model.revision) });
  } else if (revision < model.compacted) {
    expect(found).toEqual({ reason: "compacted", compactedRevision: BigInt(model.compacted) });
  } else {
    const rows = model.range(revision, start, end);
    const shown = read.mode === "keysOnly" ? rows.map((row) => ({ ...row, value: new Uint8Array(0) })) : rows;
    const keyValues = read.mode === "countOnly" ? [] : read.reverse ? shown.reverse() : shown;
    expect(found).toEqual({ keyValues, count: rows.length });
    if (start.length > 0) {
      expect(store.get(bytesFromText(start), BigInt(revision))).toEqual(model.at(revision).get(start));
    }
  }
}

/** In small steps. */
function hashOf(store: Store, revision: bigint): unknown {
  const hash = store.hash(revision);
  if ("reason" in hash) return hash;
  for (;;) {
    const result = hash.step({ maxRecords: 2, maxBytes: 1000 });
    if (result !== undefined) return result;
  }
}

test("a store that is flushed, compacted in steps and restarted anywhere is the naive model (B8, B14, D7)", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 150, size: "max" }), (events) => {
      const model = new Model();
      const backend = new MemoryBackend();
      const options = { cacheMaxBytes: 2000 };
      let store = new Store(backend, options);
      const still = new Store(new MemoryBackend());
      const changes: Change[] = [];
      let frozen: { writes: Iterable<never>; changes: number } | undefined;
      let durable = 0;
      for (const step of events) {
        if (step.on === "change") {
          const answer = applyTo(store, step.change);
          expect(answer).toEqual(expectedOf(model, step.change));
          expect(applyTo(still, step.change)).toEqual(answer);
          changes.push(step.change);
        } else if (step.on === "flush") {
          if (frozen === undefined) {
            frozen = { writes: store.freeze().writes as Iterable<never>, changes: changes.length };
          } else {
            backend.write(frozen.writes);
            durable = frozen.changes;
            frozen = undefined;
            store.release();
          }
        } else if (step.on === "compactStep") {
          store.compactStep({ maxRecords: step.maxRecords, maxBytes: 1000 });
        } else if (step.on === "restart") {
          store = new Store(backend, options);
          frozen = undefined;
          for (const change of changes.slice(durable)) applyTo(store, change);
        } else {
          checkRead(store, model, step);
        }
        expect(store.totalKeys).toBe(model.at(model.revision).size);
        expect(store.revision).toBe(BigInt(model.revision));
      }
      const newest = store.revision;
      expect(hashOf(store, newest)).toEqual(hashOf(still, newest));
      for (const one of [store, still]) while (one.compactStep({ maxRecords: 10, maxBytes: 1000 }));
      // Byte for byte: chains of pointers are the same, however far removal was when they grew.
      const everything = { start: new Uint8Array(0), end: undefined };
      const [rev, cur, idx] = (["rev", "cur", "idx"] as const).map((table) => {
        const rows = [...store.overlay.scan(table, everything)];
        expect(rows).toEqual([...still.overlay.scan(table, everything)]);
        return rows.length;
      });
      const left = model.remaining();
      expect([rev, cur, idx]).toEqual([left.events, store.totalKeys, left.deletedKeys]);
      expect(store.rollingHash).toBe(still.rollingHash);
      for (let revision = Math.max(1, model.compacted); revision <= model.revision; revision += 3) {
        expect(hashOf(store, BigInt(revision))).toEqual(hashOf(still, BigInt(revision)));
      }
    }),
    { numRuns: 300 },
  );
});
