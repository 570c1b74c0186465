import { describe, expect, test } from "vitest";
import type { Configuration } from "../types.ts";
import { ConfigurationFormatError, decodeConfiguration, encodeConfiguration } from "./codec.ts";
import { CONTEXT_MAX_BYTES, EMPTY_CONFIGURATION } from "./configuration.ts";

const full: Configuration = {
  voters: [1n, 2n, 0xffff_ffff_ffff_ffffn],
  outgoing: [2n, 3n, 4n],
  learners: [7n],
  learnersNext: [3n],
  context: new Uint8Array([1, 2, 3]),
};

describe("encodeConfiguration", () => {
  test("the bytes of version 1 are fixed", () => {
    const hex = Buffer.from(encodeConfiguration(full)).toString("hex");
    const id = (n: number): string => n.toString(16).padStart(16, "0");
    const lists = [
      `03${id(1)}${id(2)}${"ff".repeat(8)}`,
      `03${id(2)}${id(3)}${id(4)}`,
      `01${id(7)}`,
      `01${id(3)}`,
    ];
    expect(hex).toBe(`01${lists.join("")}00000003010203`);
  });

  test("what is decoded is what was encoded, also from the middle of a buffer", () => {
    for (const configuration of [full, EMPTY_CONFIGURATION, { ...EMPTY_CONFIGURATION, voters: [5n] }]) {
      const bytes = encodeConfiguration(configuration);
      expect(decodeConfiguration(bytes)).toEqual(configuration);
      const padded = Buffer.concat([Buffer.alloc(3), bytes]);
      expect(decodeConfiguration(padded.subarray(3))).toEqual(configuration);
    }
  });

  test("an unsound configuration is never written", () => {
    const unsound: Partial<Configuration>[] = [
      { voters: [2n, 1n] },
      { voters: [1n, 1n] },
      { voters: [0n] },
      { voters: [], outgoing: [] },
      { learners: [1n] },
      { learnersNext: [9n] },
      { learnersNext: [2n] },
      { voters: Array.from({ length: 10 }, (_, i) => BigInt(i + 1)) },
      { context: new Uint8Array(CONTEXT_MAX_BYTES + 1) },
    ];
    for (const fault of unsound) {
      expect(() => encodeConfiguration({ ...full, ...fault })).toThrow(ConfigurationFormatError);
    }
  });
});

describe("decodeConfiguration", () => {
  test("a version that is not known is refused by its number", () => {
    const bytes = encodeConfiguration(full);
    bytes[0] = 2;
    expect(() => decodeConfiguration(bytes)).toThrow("version 2 is unknown, 1 is supported");
  });

  test("truncated anywhere, or with something after the end: refused", () => {
    const bytes = encodeConfiguration(full);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeConfiguration(bytes.subarray(0, length))).toThrow(ConfigurationFormatError);
    }
    expect(() => decodeConfiguration(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(
      "1 bytes after the end",
    );
  });

  test("any flipped byte is refused or gives another sound configuration, and nothing worse", () => {
    const bytes = encodeConfiguration(full);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 0xff;
      try {
        expect(encodeConfiguration(decodeConfiguration(damaged))).toEqual(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigurationFormatError);
      }
    }
  });

  test("the context is a copy: the bytes may be reused", () => {
    const bytes = encodeConfiguration(full);
    const { context } = decodeConfiguration(bytes);
    bytes.fill(0);
    expect([...context]).toEqual([1, 2, 3]);
  });
});
