import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  BatchRequestSchema,
  type Consistency,
  DeleteRequestSchema,
  GetRequestSchema,
  PutRequestSchema,
  RangeRequestSchema,
} from "@rstore/proto/rstore/v1/kv";
import { describe, expect, it } from "vitest";
import { testLimits } from "./fake-replica.ts";
import { checkBatch, checkDelete, checkGet, checkPut, checkRange, keyMaxBytes } from "./validate-request.ts";

const key = (length: number) => new Uint8Array(length).fill(1);
const put = (init: MessageInitShape<typeof PutRequestSchema>) =>
  checkPut(create(PutRequestSchema, init), testLimits);
const range = (init: MessageInitShape<typeof RangeRequestSchema>) =>
  checkRange(create(RangeRequestSchema, init));
const del = (init: MessageInitShape<typeof DeleteRequestSchema>) =>
  checkDelete(create(DeleteRequestSchema, init));
const unknownConsistency = 7 as Consistency;

describe("a request that breaks a rule names the field", () => {
  it.each([
    ["an empty key", put({}), "key", undefined],
    ["a key too long", put({ key: key(keyMaxBytes + 1) }), "key", keyMaxBytes],
    ["a lease", put({ key: key(1), lease: 1n }), "lease", undefined],
    ["get without a key", checkGet(create(GetRequestSchema, {})), "key", undefined],
    ["range end with prefix", range({ prefix: true, rangeEnd: key(2) }), "range_end", undefined],
    ["range end at key", range({ key: key(2), rangeEnd: key(2) }), "range_end", undefined],
    ["range end before key", range({ key: key(2), rangeEnd: key(1) }), "range_end", undefined],
    ["a bound too long", range({ key: key(keyMaxBytes + 2) }), "key", keyMaxBytes + 1],
    ["an end too long", range({ rangeEnd: key(keyMaxBytes + 2) }), "range_end", keyMaxBytes + 1],
    ["an unknown consistency", range({ consistency: unknownConsistency }), "consistency", undefined],
    ["delete of an empty key", del({}), "key", undefined],
    ["delete by an empty prefix", del({ prefix: true }), "key", undefined],
    ["delete, end and prefix", del({ key: key(1), rangeEnd: key(2), prefix: true }), "range_end", undefined],
    ["delete, end and to_end", del({ key: key(1), rangeEnd: key(2), toEnd: true }), "range_end", undefined],
    ["delete, prefix and to_end", del({ key: key(1), prefix: true, toEnd: true }), "to_end", undefined],
    [
      "compare-and-delete of a range",
      del({ key: key(1), rangeEnd: key(2), expectedModRevision: 0n }),
      "expected_mod_revision",
      undefined,
    ],
  ])("%s", (_name, problem, subject, limit) => {
    expect(problem).toMatchObject({ reason: "invalid-argument", outcome: "not-applied" });
    expect(problem?.detail).toEqual(limit === undefined ? { subject } : { subject, limit });
    expect(problem?.message).toContain(subject);
  });

  it("key and value together larger than a request", () => {
    const { requestMaxBytes } = testLimits;
    expect(put({ key: key(1), value: new Uint8Array(requestMaxBytes - 1) })).toBeUndefined();
    expect(put({ key: key(1), value: new Uint8Array(requestMaxBytes) })).toMatchObject({
      reason: "too-large",
      detail: { subject: "request_max_bytes", limit: requestMaxBytes },
    });
  });

  it("a batch of too many operations", () => {
    const operations = Array.from({ length: testLimits.batchMaxOperations + 1 }, () => ({}));
    expect(
      checkBatch(create(BatchRequestSchema, { operations: operations.slice(1) }), testLimits),
    ).toBeUndefined();
    expect(checkBatch(create(BatchRequestSchema, { operations }), testLimits)).toMatchObject({
      reason: "limit-exceeded",
      detail: { subject: "batch_max_operations", limit: testLimits.batchMaxOperations },
    });
  });
});

describe("what is allowed", () => {
  it.each([
    ["the longest key", put({ key: key(keyMaxBytes) })],
    ["the successor of the longest key as a bound", range({ key: key(keyMaxBytes + 1) })],
    ["a range over everything", range({})],
    ["a prefix", range({ key: key(1), prefix: true })],
    ["an empty prefix for reading", range({ prefix: true })],
    ["deleting from the first key to the end", del({ toEnd: true })],
    ["compare-and-delete of a key", del({ key: key(1), expectedModRevision: 3n })],
  ])("%s", (_name, problem) => expect(problem).toBeUndefined());
});
