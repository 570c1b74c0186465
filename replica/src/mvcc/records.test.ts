import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteWriter, compareBytes } from "./bytes.ts";
import { KeyState, skipLevels } from "./history.ts";
import { KEY_MAX_BYTES } from "./limits.ts";
import { decodeHistoryMeta, encodeHistoryMeta } from "./meta.ts";
import {
  contentOffsetOf,
  decodeEvent,
  decodeEventState,
  decodeRevKey,
  decodeState,
  encodeRevKey,
  UnknownFormatError,
  writeEvent,
  writeRevKey,
  writeState,
} from "./records.ts";

/** LMDB's longest key, as lmdb 3.5.6 is built. */
const LMDB_KEY_MAX_BYTES = 1978;

const revisions = fc.record({ main: fc.maxSafeNat(), sub: fc.nat(0xffff_ffff) });

const states = fc
  .record({
    revision: revisions,
    life: fc.record({
      create: fc.maxSafeNat(),
      version: fc.maxSafeNat(),
      lease: fc.oneof(fc.constant(0n), fc.bigInt(1n, 2n ** 64n - 1n)),
    }),
    depth: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    seed: fc.array(revisions, { minLength: 14, maxLength: 14 }),
  })
  .map(({ revision, life, depth, seed }) => {
    const previous = depth === 1 ? { main: 0, sub: 0 } : seed[13]!;
    const skips = seed.slice(0, skipLevels(depth)).flatMap(({ main, sub }) => [main, sub]);
    const chain = { depth, previousMain: previous.main, previousSub: previous.sub, skips };
    return new KeyState(revision, life, chain);
  });

describe("keys of rev", () => {
  test("give back the revision and order as revisions do", () => {
    fc.assert(
      fc.property(revisions, revisions, (a, b) => {
        const [x, y] = [encodeRevKey(a.main, a.sub), encodeRevKey(b.main, b.sub)];
        expect(decodeRevKey(x)).toEqual(a);
        expect(writeRevKey(new ByteWriter(), a.main, a.sub)).toEqual(x);
        expect(compareBytes(x, y)).toBe(Math.sign(a.main - b.main || a.sub - b.sub));
      }),
    );
  });
});

test("the longest key that a record can have fits into LMDB", () => {
  expect(KEY_MAX_BYTES).toBeLessThanOrEqual(LMDB_KEY_MAX_BYTES);
});

describe("events and states", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });

  test("give back what was written", () => {
    fc.assert(
      fc.property(states, bytes, bytes, (state, key, value) => {
        const writer = new ByteWriter();
        const contentOffset = writeEvent(writer, state, key, value);
        const record = writer.end();
        expect(decodeEvent(state.main, state.sub, record)).toEqual({ state, key, value });
        expect(decodeEventState(state.main, state.sub, record)).toEqual(state);
        expect(contentOffsetOf(record)).toBe(contentOffset);
        expect(decodeState(writeState(writer, state))).toEqual(state);
      }),
    );
  });

  test("of a format that is not known are refused with what to do", () => {
    const future = Uint8Array.of(9, 1, 0, 0, 0);
    expect(() => decodeEvent(1, 0, future)).toThrow(UnknownFormatError);
    expect(() => decodeState(future)).toThrow(UnknownFormatError);
    expect(() => decodeHistoryMeta(future)).toThrow(UnknownFormatError);
  });
});

test("the counters give back what was written", () => {
  const meta = {
    revision: Number.MAX_SAFE_INTEGER,
    compacted: 3,
    liveKeys: 2 ** 40,
    hash: 0xfedc_ba98_7654_3210n,
    compactNext: { main: 4, sub: 99 },
  };
  expect(decodeHistoryMeta(encodeHistoryMeta(meta))).toEqual(meta);
});
