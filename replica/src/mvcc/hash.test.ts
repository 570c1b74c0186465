import { expect, test } from "vitest";
import { bytesFromText } from "./bytes.ts";
import { RollingHash, xxh32 } from "./hash.ts";

test.each([
  ["", 0x02cc5d05],
  ["a", 0x550d7456],
  ["abc", 0x32d153ff],
  ["Nobody inspects the spammish repetition", 0xe2293b2f],
])("xxh32 of %j is that of the reference implementation", (text, hash) => {
  const padded = bytesFromText(`..${text}.`);
  expect(xxh32(padded, 2, 2 + text.length, 0)).toBe(hash);
});

test("xxh32 depends on every byte", () => {
  const bytes = new Uint8Array(67);
  const hashes = new Set([xxh32(bytes, 0, bytes.length, 0)]);
  for (let i = 0; i < bytes.length; i++) {
    const changed = bytes.slice();
    changed[i] = 1;
    hashes.add(xxh32(changed, 0, changed.length, 0));
  }
  expect(hashes.size).toBe(68);
});

test("the rolling hash depends on the order and goes on from its value", () => {
  const a = new RollingHash();
  a.mix(1);
  const b = new RollingHash(a.value);
  a.mix(2);
  b.mix(2);
  expect(b.value).toBe(a.value);
  const c = new RollingHash();
  c.mix(2);
  c.mix(1);
  expect(c.value).not.toBe(a.value);
});
