import { describe, expect, it } from "vitest";
import { EnvelopeReader, envelopeOf } from "./envelope.ts";

const MAX_MS = 1000;

describe("a reader of envelopes", () => {
  it("notices a damaged length that swallows what follows (C2)", () => {
    const reader = new EnvelopeReader(1_000_000);
    const damaged = envelopeOf(new Uint8Array(20));
    damaged[2] = 0x08;
    reader.push(damaged);
    reader.assertEnds(0, MAX_MS);
    for (let nowMs = 100; nowMs <= MAX_MS; nowMs += 100) {
      expect(reader.push(envelopeOf(new Uint8Array(20)))).toEqual([]);
      reader.assertEnds(nowMs, MAX_MS);
    }
    reader.push(envelopeOf(new Uint8Array(20)));
    expect(() => reader.assertEnds(MAX_MS + 100, MAX_MS)).toThrow("did not end within");
  });

  it("lets a stream go on for ever whose chunks never end where messages do", () => {
    const reader = new EnvelopeReader(1000);
    const bytes = Buffer.concat(Array.from({ length: 3 }, () => envelopeOf(new Uint8Array(95))));
    let nowMs = 0;
    reader.push(bytes.subarray(0, 50));
    for (let i = 0; i < 100; i += 1) {
      reader.assertEnds(nowMs, MAX_MS);
      nowMs += 400;
      reader.push(Buffer.concat([bytes.subarray(50, 100), bytes.subarray(0, 50)]));
    }
    expect(() => reader.assertEnds(nowMs, MAX_MS)).not.toThrow();
  });

  it("does not count the time between messages", () => {
    const reader = new EnvelopeReader(1000);
    reader.push(envelopeOf(new Uint8Array(10)));
    reader.assertEnds(0, MAX_MS);
    const next = envelopeOf(new Uint8Array(10));
    reader.push(next.subarray(0, 8));
    reader.assertEnds(100 * MAX_MS, MAX_MS);
    reader.push(next.subarray(8));
    expect(() => reader.assertEnds(100.5 * MAX_MS, MAX_MS)).not.toThrow();
  });
});
