import { create } from "@bufbuild/protobuf";
import { DeleteRequestSchema, RangeRequestSchema } from "@rstore/proto/rstore/v1/kv";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatId } from "../runtime/membership.ts";
import { deleteOperationFromRequest, prefixEnd, rangeFromRequest } from "./convert.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("prefixEnd", () => {
  it("is the first key after all keys with the prefix", () => {
    expect(prefixEnd(bytes(1, 2))).toEqual(bytes(1, 3));
    expect(prefixEnd(bytes(1, 0xff, 0xff))).toEqual(bytes(2));
    expect(prefixEnd(bytes(0xff, 0xff))).toEqual(bytes());
    expect(prefixEnd(bytes())).toEqual(bytes());
  });

  it("holds exactly the keys that begin with the prefix", () => {
    const short = fc.uint8Array({ maxLength: 4 });
    fc.assert(
      fc.property(short, short, (prefix, key) => {
        const end = prefixEnd(prefix);
        const within = Buffer.compare(key, prefix) >= 0 && (end.length === 0 || Buffer.compare(key, end) < 0);
        const begins = Buffer.from(key).subarray(0, prefix.length).equals(prefix);
        expect(within).toBe(begins);
      }),
    );
  });

  it("does not change the prefix, also in a Buffer, whose slice is a view", () => {
    for (const prefix of [bytes(1, 2), Buffer.from([1, 2])]) {
      prefixEnd(prefix);
      expect([...prefix]).toEqual([1, 2]);
    }
  });
});

describe("ranges of requests", () => {
  it("takes a range without an end to the end of the store", () => {
    expect(rangeFromRequest(create(RangeRequestSchema, { key: bytes(5) }))).toMatchObject({
      start: bytes(5),
      end: bytes(),
      revision: undefined,
    });
  });

  it.each([
    [{ key: bytes(5) }, undefined],
    [{ key: bytes(5), rangeEnd: bytes(7) }, bytes(7)],
    [{ key: bytes(5), prefix: true }, bytes(6)],
    [{ key: bytes(5), toEnd: true }, bytes()],
  ])("deletes %o up to the right end", (init, end) => {
    const operation = deleteOperationFromRequest(create(DeleteRequestSchema, init));
    expect(operation).toMatchObject({ start: bytes(5), end });
  });
});

it("ids are 16 lower-case hexadecimal digits", () => {
  expect(formatId(0xabn)).toBe("00000000000000ab");
  expect(formatId(0xffff_ffff_ffff_ffffn)).toBe("ffffffffffffffff");
});
