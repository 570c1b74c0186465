import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AssertionError } from "../assert.ts";
import { DELETE_MAX_KEYS, KEY_MAX_BYTES } from "../mvcc/limits.ts";
import {
  BATCH_OVERHEAD_BYTES,
  type Command,
  commandMaxKeys,
  commandSizeBytes,
  decodeCommandBatch,
  encodeCommandBatch,
  UnknownCommandError,
} from "./command.ts";

const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength, size: "max" });
const key = fc.oneof(bytes(1, 20), bytes(KEY_MAX_BYTES, KEY_MAX_BYTES));
const request = fc.option(
  fc.record({ session: u64, sequence: fc.maxSafeNat().map(BigInt), floor: fc.maxSafeNat().map(BigInt) }),
  { nil: undefined },
);
const expected = fc.option(u64, { nil: undefined });
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    type: fc.constant("put" as const),
    key,
    value: bytes(0, 300),
    lease: fc.oneof(fc.constant(0n), u64),
    previous: fc.boolean(),
    expectedModRevision: expected,
    request,
  }),
  fc.record({
    type: fc.constant("delete" as const),
    start: key,
    end: fc.constant(undefined),
    previous: fc.boolean(),
    expectedModRevision: expected,
    request,
  }),
  fc.record({
    type: fc.constant("delete" as const),
    start: fc.oneof(fc.constant(new Uint8Array(0)), key),
    end: fc.oneof(fc.constant(new Uint8Array(0)), key),
    previous: fc.boolean(),
    expectedModRevision: fc.constant(undefined),
    request,
  }),
  fc.record({ type: fc.constant("compact" as const), revision: u64, request }),
);
const operations = fc.array(command, { maxLength: 20 });
const batch = fc.oneof(
  fc.record({ originTimeMs: fc.maxSafeNat(), operations }),
  fc.record({
    originTimeMs: fc.maxSafeNat(),
    stateHash: fc.record({ appliedIndex: u64, hash: u64 }),
    operations,
  }),
);

const put: Command = {
  type: "put",
  key: Uint8Array.of(1),
  value: Uint8Array.of(2),
  lease: 0n,
  previous: false,
  expectedModRevision: undefined,
};

describe("a batch", () => {
  test("gives back what was encoded, and takes the bytes that were counted", () => {
    fc.assert(
      fc.property(batch, (original) => {
        const data = encodeCommandBatch(original);
        expect(decodeCommandBatch(data)).toEqual(original);
        const counted = original.operations.reduce((sum, operation) => sum + commandSizeBytes(operation), 0);
        expect(data.length).toBeGreaterThan(counted);
        expect(data.length).toBeLessThanOrEqual(counted + BATCH_OVERHEAD_BYTES);
      }),
    );
  });

  test("decodes from the middle of a buffer, as the log hands it out", () => {
    const data = encodeCommandBatch({ originTimeMs: 5, operations: [put] });
    const buffer = Buffer.concat([Buffer.alloc(7, 0xff), data, Buffer.alloc(7, 0xff)]);
    const { operations } = decodeCommandBatch(buffer.subarray(7, 7 + data.length));
    expect(Buffer.compare(encodeCommandBatch({ originTimeMs: 5, operations }), data)).toBe(0);
  });

  test("of a newer version, kind or flag stops the replica", () => {
    const data = encodeCommandBatch({ originTimeMs: 0, operations: [put] });
    for (const [at, value] of [
      [0, 3],
      [10, 4],
      [10, 0],
      [11, 0x20],
    ] as const) {
      const changed = Uint8Array.from(data);
      changed[at] = value;
      expect(() => decodeCommandBatch(changed)).toThrow(UnknownCommandError);
    }
  });

  test("that is cut off or goes on is a bug, since the log verifies its checksums", () => {
    const data = encodeCommandBatch({ originTimeMs: 0, operations: [put, put] });
    expect(() => decodeCommandBatch(Uint8Array.from([...data, 0]))).toThrow(AssertionError);
    for (let length = 1; length < data.length; length++) {
      expect(() => decodeCommandBatch(data.slice(0, length))).toThrow();
    }
  });

  test.each<[string, Command]>([
    ["an empty key", { ...put, key: new Uint8Array(0) } as Command],
    ["a long key", { ...put, key: new Uint8Array(KEY_MAX_BYTES + 1) } as Command],
    [
      "a range with a comparison",
      { ...put, type: "delete", start: put.key, end: new Uint8Array(0), expectedModRevision: 1n } as Command,
    ],
  ])("with %s is never written to the log", (_, operation) => {
    expect(() => encodeCommandBatch({ originTimeMs: 0, operations: [operation] })).toThrow(AssertionError);
  });
});

test("what an operation may change at most is known before it is proposed", () => {
  const single: Command = {
    type: "delete",
    start: Uint8Array.of(1),
    end: undefined,
    previous: false,
    expectedModRevision: undefined,
  };
  expect([put, single, { ...single, end: Uint8Array.of(2) }].map(commandMaxKeys)).toEqual([
    1,
    1,
    DELETE_MAX_KEYS,
  ]);
});
