import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AssertionError } from "../assert.ts";
import type { KvWrite, Table } from "../storage/kv-backend.types.ts";
import { bytesFromText, compareBytes, textFromBytes } from "./bytes.ts";
import { Overlay } from "./overlay.ts";
import { MemoryBackend } from "./testing/memory-backend.ts";

const tables: readonly Table[] = ["cur", "idx", "meta", "rev"];

const keys = fc
  .array(fc.constantFrom("\x00", "\x01", "a", "b", "\xff"), { maxLength: 3 })
  .map((texts) => texts.join(""));
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("set" as const),
      table: fc.constantFrom(...tables),
      key: keys,
      value: fc.nat(99),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("delete" as const),
      table: fc.constantFrom(...tables),
      key: keys,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("scan" as const),
      table: fc.constantFrom(...tables),
      start: keys,
      end: fc.option(keys, { nil: undefined }),
      reverse: fc.boolean(),
    }),
  },
);

function rowsOf(
  map: ReadonlyMap<string, number>,
  start: string,
  end: string | undefined,
): [string, number][] {
  return [...map]
    .filter(([key]) => key >= start && (end === undefined || key < end))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

describe("reads", () => {
  test("see active, then flushing, then backend, in both directions, like one sorted map", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const backend = new MemoryBackend();
        const overlay = new Overlay(backend);
        const model = { cur: new Map<string, number>(), idx: new Map(), meta: new Map(), rev: new Map() };
        let batch: Iterable<KvWrite> | undefined;
        for (const action of steps) {
          if (action.do === "set") {
            overlay.set(action.table, bytesFromText(action.key), Uint8Array.of(action.value));
            model[action.table].set(action.key, action.value);
          } else if (action.do === "delete") {
            overlay.delete(action.table, bytesFromText(action.key));
            model[action.table].delete(action.key);
          } else if (action.do === "flush") {
            // By turns: freeze, then commit and release.
            if (batch === undefined) {
              batch = overlay.freeze().writes;
            } else {
              backend.write(batch);
              overlay.release();
              batch = undefined;
            }
          } else {
            const { table, start, end, reverse } = action;
            const options = {
              start: bytesFromText(start),
              end: end === undefined ? undefined : bytesFromText(end),
              reverse,
            };
            const found = [...overlay.scan(table, options)].map(([key, value]) => [
              textFromBytes(key),
              value[0],
            ]);
            const expected = rowsOf(model[table], start, end);
            expect(found).toEqual(reverse ? expected.reverse() : expected);
            expect(overlay.get(table, options.start)?.[0]).toBe(model[table].get(start));
          }
        }
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
      fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
        const overlay = new Overlay(new MemoryBackend());
        const last = new Map<string, number | undefined>();
        for (const action of steps) {
          if (action.do === "set") {
            overlay.set(action.table, bytesFromText(action.key), Uint8Array.of(action.value));
            last.set(`${action.table}/${action.key}`, action.value);
          } else if (action.do === "delete") {
            overlay.delete(action.table, bytesFromText(action.key));
            last.set(`${action.table}/${action.key}`, undefined);
          }
        }
        const { writes } = overlay.freeze();
        const list = [...writes];
        expect([...writes]).toEqual(list);
        const found = list.map(
          ({ table, key, value }) => [`${table}/${textFromBytes(key)}`, value?.[0]] as const,
        );
        expect(new Map(found)).toEqual(last);
        expect(list.length).toBe(last.size);
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
