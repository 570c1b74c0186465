import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AssertionError } from "../assert.ts";
import type { KvWrite } from "../storage/kv-backend.types.ts";
import { ByteWriter, bytesFromText, compareBytes, textFromBytes } from "./bytes.ts";
import { Overlay } from "./overlay.ts";
import { decodeRevKey, encodeRevKey } from "./records.ts";
import { MemoryBackend } from "./testing/memory-backend.ts";

const keys = fc
  .array(fc.constantFrom("\x00", "\x01", "a", "b", "\xff"), { maxLength: 3 })
  .map((texts) => texts.join(""));
const table = fc.constantFrom("cur", "idx", "meta");
/** Keys of rev, and what lies between them. */
const revKeys = fc
  .tuple(fc.nat(40), fc.nat(2), fc.integer({ min: 7, max: 16 }))
  .map(([main, sub, length]) => textFromBytes(encodeRevKey(main, sub).subarray(0, length)));

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("set"), table, key: keys, value: fc.nat(99) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("delete"), table, key: keys }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("append"), sub: fc.nat(2), value: fc.nat(99) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("deleteEvent"), pick: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("flush") }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("scan"),
      table,
      start: keys,
      end: fc.option(keys, { nil: undefined }),
      reverse: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("scan"),
      table: fc.constant("rev"),
      start: revKeys,
      end: fc.option(revKeys, { nil: undefined }),
      reverse: fc.boolean(),
    }),
  },
);
const steps = fc.array(step, { maxLength: 80, size: "max" });

/** An overlay beside four plain maps. */
class Pair {
  readonly backend = new MemoryBackend();
  readonly overlay = new Overlay(this.backend);
  readonly model = {
    cur: new Map<string, number>(),
    idx: new Map<string, number>(),
    meta: new Map<string, number>(),
    rev: new Map<string, number>(),
  };
  /** What the next batch must hold; undefined: a deletion. */
  written = new Map<string, number | undefined>();
  batch: Iterable<KvWrite> | undefined;
  #main = 0;
  #fresh = new Set<string>();

  set(table: "cur" | "idx" | "meta", key: string, value: number): void {
    this.overlay.set(table, bytesFromText(key), Uint8Array.of(value));
    this.model[table].set(key, value);
    this.written.set(`${table}/${key}`, value);
  }

  delete(table: "cur" | "idx" | "meta", key: string): void {
    this.overlay.delete(table, bytesFromText(key));
    this.model[table].delete(key);
    this.written.set(`${table}/${key}`, undefined);
  }

  append(sub: number, value: number): void {
    const writer = new ByteWriter(1);
    writer.begin(1);
    writer.u8(value);
    this.overlay.appendEvent(++this.#main, sub, writer);
    const key = textFromBytes(encodeRevKey(this.#main, sub));
    this.model.rev.set(key, value);
    this.written.set(`rev/${key}`, value);
    this.#fresh.add(key);
  }

  deleteEvent(pick: number): void {
    const all = [...this.model.rev.keys()];
    const key = all[pick % all.length];
    if (key === undefined) return;
    const { main, sub } = decodeRevKey(bytesFromText(key));
    this.overlay.deleteEvent(main, sub);
    this.model.rev.delete(key);
    // What came and went between two batches need not be told.
    if (this.#fresh.has(key)) this.written.delete(`rev/${key}`);
    else this.written.set(`rev/${key}`, undefined);
  }

  /** By turns: freeze, then commit and release. */
  flush(): void {
    if (this.batch === undefined) {
      this.batch = this.overlay.freeze().writes;
      this.written = new Map();
      this.#fresh = new Set();
    } else {
      this.backend.write(this.batch);
      this.overlay.release();
      this.batch = undefined;
    }
  }

  check(
    table: "cur" | "idx" | "meta" | "rev",
    start: string,
    end: string | undefined,
    reverse: boolean,
  ): void {
    const range = {
      start: bytesFromText(start),
      end: end === undefined ? undefined : bytesFromText(end),
      reverse,
    };
    const found = [...this.overlay.scan(table, range)].map(([key, value]) => [textFromBytes(key), value[0]]);
    const inside = [...this.model[table]].filter(([key]) => key >= start && (end === undefined || key < end));
    const expected = inside.sort(([a], [b]) => (a < b ? -1 : 1));
    expect(found).toEqual(reverse ? expected.reverse() : expected);
    if (table !== "rev" || start.length === 16) {
      expect(this.overlay.get(table, range.start)?.[0]).toBe(this.model[table].get(start));
    }
  }

  run(action: typeof step extends fc.Arbitrary<infer T> ? T : never): void {
    if (action.do === "set") this.set(action.table, action.key, action.value);
    else if (action.do === "delete") this.delete(action.table, action.key);
    else if (action.do === "append") this.append(action.sub, action.value);
    else if (action.do === "deleteEvent") this.deleteEvent(action.pick);
    else if (action.do === "scan") this.check(action.table, action.start, action.end, action.reverse);
    else this.flush();
  }
}

describe("reads", () => {
  test("see active, then flushing, then backend, in both directions, like one sorted map", () => {
    fc.assert(
      fc.property(steps, (actions) => {
        const pair = new Pair();
        for (const action of actions) pair.run(action);
      }),
      { numRuns: 500 },
    );
  });

  test("a scan of many leaves is in order, from and to anywhere", () => {
    const overlay = new Overlay(new MemoryBackend());
    const count = 2000;
    for (let i = 0; i < count; i++) {
      const key = (i * 7919) % count;
      overlay.set("cur", Uint8Array.of(key >> 8, key & 255), Uint8Array.of(0));
    }
    const keyOf = (key: number) => Uint8Array.of(key >> 8, key & 255);
    for (let from = 0; from < count; from += 37) {
      for (const reverse of [false, true]) {
        const to = Math.min(count, from + 500);
        const rows = [...overlay.scan("cur", { start: keyOf(from), end: keyOf(to), reverse })];
        const found = rows.map(([key]) => (key[0]! << 8) | key[1]!);
        const expected = Array.from({ length: to - from }, (_, i) => from + i);
        expect(found).toEqual(reverse ? expected.reverse() : expected);
      }
    }
  });

  test("a scan that is left early ends the backend's", () => {
    let ended = false;
    const overlay = new Overlay({
      get: () => undefined,
      *scan() {
        try {
          for (;;) yield [Uint8Array.of(1), Uint8Array.of(1)];
        } finally {
          ended = true;
        }
      },
    });
    overlay.set("cur", Uint8Array.of(0), Uint8Array.of(1));
    for (const _ of overlay.scan("cur", { start: Uint8Array.of(0), end: undefined })) break;
    expect(ended).toBe(true);
  });
});

describe("batches", () => {
  test("have each record once, the last write of it, sorted by table and key", () => {
    fc.assert(
      fc.property(steps, (actions) => {
        const pair = new Pair();
        for (const action of actions) pair.run(action);
        if (pair.batch !== undefined) pair.flush();
        const { writes } = pair.overlay.freeze();
        const list = [...writes];
        const found = list.map(
          ({ table, key, value }) => [`${table}/${textFromBytes(key)}`, value?.[0]] as const,
        );
        expect(new Map(found)).toEqual(pair.written);
        expect(list.length).toBe(pair.written.size);
        for (let i = 1; i < list.length; i++) {
          const [a, b] = [list[i - 1]!, list[i]!];
          expect(a.table < b.table || (a.table === b.table && compareBytes(a.key, b.key) < 0)).toBe(true);
        }
      }),
    );
  });

  test("one at a time", () => {
    const overlay = new Overlay(new MemoryBackend());
    expect(() => overlay.release()).toThrow(AssertionError);
    overlay.set("cur", Uint8Array.of(1), Uint8Array.of(1));
    overlay.freeze();
    expect(() => overlay.freeze()).toThrow(AssertionError);
  });

  test("a frozen batch does not change while more is written", () => {
    const overlay = new Overlay(new MemoryBackend());
    overlay.set("cur", Uint8Array.of(1), Uint8Array.of(1));
    const { writes } = overlay.freeze();
    overlay.set("cur", Uint8Array.of(1), Uint8Array.of(2));
    overlay.delete("cur", Uint8Array.of(2));
    expect([...writes]).toEqual([{ table: "cur", key: Uint8Array.of(1), value: Uint8Array.of(1) }]);
  });

  test("memory is counted while it is held: two generations, values replaced, released", () => {
    const overlay = new Overlay(new MemoryBackend());
    overlay.set("cur", Uint8Array.of(1), new Uint8Array(1000));
    const held = overlay.bytes;
    expect(held).toBeGreaterThan(1000);
    overlay.set("cur", Uint8Array.of(1), new Uint8Array(400));
    expect(overlay.bytes).toBe(held - 600);
    overlay.freeze();
    expect([overlay.bytes, overlay.activeBytes]).toEqual([held - 600, 0]);
    overlay.set("cur", Uint8Array.of(1), new Uint8Array(1000));
    expect(overlay.bytes).toBe(2 * held - 600);
    overlay.release();
    expect([overlay.bytes, overlay.activeBytes]).toEqual([held, held]);
  });
});
