import fc from "fast-check";
import { expect, test } from "vitest";
import { AssertionError } from "../assert.ts";
import { UnknownFormatError } from "../mvcc/records.ts";
import { decodeMemberRecords, encodeMemberRecords } from "./member-records.ts";

const member = fc.record({
  id: fc.bigInt(1n, 2n ** 64n - 1n),
  name: fc.string({ unit: "grapheme" }),
  peerUrl: fc.webUrl(),
  clientUrl: fc.webUrl(),
  joinedIndex: fc.bigInt(0n, 2n ** 64n - 1n),
});

test("members are given back, ascending by id", () => {
  fc.assert(
    fc.property(fc.uniqueArray(member, { selector: ({ id }) => id }), (members) => {
      const expected = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
      expect(decodeMemberRecords(encodeMemberRecords(members))).toEqual(expected);
    }),
  );
});

test("a member that is there twice is a bug", () => {
  const record = { id: 1n, name: "a", peerUrl: "", clientUrl: "", joinedIndex: 1n };
  expect(() => encodeMemberRecords([record, { ...record, name: "b" }])).toThrow(AssertionError);
});

test("an empty context has no members, one of a newer format is refused", () => {
  expect(decodeMemberRecords(new Uint8Array(0))).toEqual([]);
  expect(() => decodeMemberRecords(Uint8Array.of(2, 0))).toThrow(UnknownFormatError);
});
