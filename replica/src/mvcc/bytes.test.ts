import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AssertionError } from "../assert.ts";
import {
  ByteReader,
  ByteWriter,
  bytesFromText,
  compareBytes,
  keyAfter,
  textFromBytes,
  varintBytes,
} from "./bytes.ts";

const anyBytes = fc.uint8Array({ maxLength: 40 });

describe("text", () => {
  test("stands for bytes and orders as they do", () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (a, b) => {
        expect(bytesFromText(textFromBytes(a))).toEqual(a);
        const [x, y] = [textFromBytes(a), textFromBytes(b)];
        expect(x < y ? -1 : x > y ? 1 : 0).toBe(compareBytes(a, b));
      }),
    );
  });
});

test("no key lies between a key and the one after it", () => {
  fc.assert(
    fc.property(anyBytes, anyBytes, (key, other) => {
      const after = keyAfter(key);
      expect(compareBytes(key, after)).toBe(-1);
      expect(compareBytes(other, key) > 0 && compareBytes(other, after) < 0).toBe(false);
    }),
  );
});

describe("ByteWriter and ByteReader", () => {
  test("give back what was written", () => {
    const numbers = fc.array(fc.maxSafeNat(), { maxLength: 20 });
    fc.assert(
      fc.property(numbers, anyBytes, fc.bigInt(0n, 2n ** 64n - 1n), (values, bytes, big) => {
        const writer = new ByteWriter(64);
        writer.begin(values.length * 16 + bytes.length + 8);
        for (const value of values) {
          writer.varint(value);
          writer.u64(value);
        }
        writer.big64(big);
        writer.bytes(bytes);
        const reader = new ByteReader(writer.end());
        for (const value of values) expect([reader.varint(), reader.u64()]).toEqual([value, value]);
        expect(reader.big64()).toBe(big);
        expect(reader.rest()).toEqual(bytes);
        reader.finish();
      }),
    );
  });

  test("varintBytes counts what varint takes, at every length", () => {
    for (let bits = 0; bits <= 53; bits++) {
      for (const value of [2 ** bits - 1, bits < 53 ? 2 ** bits : 0]) {
        const writer = new ByteWriter(16);
        writer.begin(16);
        writer.varint(value);
        expect(writer.length).toBe(varintBytes(value));
      }
    }
  });

  test("records do not share bytes", () => {
    const writer = new ByteWriter(8);
    const records = [1, 2, 3, 4, 5].map((value) => {
      writer.begin(3);
      writer.u8(value);
      writer.u8(value);
      return writer.end();
    });
    expect(records.map((record) => [...record])).toEqual([1, 2, 3, 4, 5].map((value) => [value, value]));
  });

  test("what ends in the middle of a field is a bug", () => {
    expect(() => new ByteReader(new Uint8Array(2)).view(3)).toThrow(AssertionError);
    const reader = new ByteReader(Uint8Array.of(0x80));
    reader.varint();
    expect(() => reader.finish()).toThrow(AssertionError);
    expect(() => new ByteReader(Uint8Array.of(1, 2)).finish()).toThrow(AssertionError);
  });
});
