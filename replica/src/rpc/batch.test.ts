import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  BatchRequestSchema,
  type BatchResponse,
  Consistency,
  Outcome,
  Reason,
} from "@rstore/proto/rstore/v1/kv";
import { beforeEach, describe, expect, it } from "vitest";
import { ReplicaError } from "../runtime/replica-api.ts";
import { FakeReplica, testLimits } from "./fake-replica.ts";
import { KvCalls } from "./kv-calls.ts";

const deadlineMs = 5000;
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
const put = (key: string, value: string | Buffer = "v") => ({
  operation: { case: "put" as const, value: { key: Buffer.from(key), value: Buffer.from(value) } },
});
const get = (key: string, init = {}) => ({
  operation: { case: "get" as const, value: { key: Buffer.from(key), ...init } },
});
const range = (init = {}) => ({ operation: { case: "range" as const, value: init } });

let api: FakeReplica;
let calls: KvCalls;
beforeEach(() => {
  api = new FakeReplica();
  calls = new KvCalls(api, testLimits);
});

function run(
  operations: NonNullable<MessageInitShape<typeof BatchRequestSchema>["operations"]>,
): Promise<BatchResponse> {
  return calls.batch(create(BatchRequestSchema, { operations }), { deadlineMs });
}

function cases(response: BatchResponse): (string | undefined)[] {
  return response.results.map(({ result }) => result.case);
}

describe("Batch", () => {
  it("answers in the order of the operations, with one header", async () => {
    await run([put("a", "1")]);
    const response = await run([get("a"), put("b", "2"), range(), put("c", "3"), get("missing")]);
    expect(cases(response)).toEqual(["get", "put", "range", "put", "get"]);
    expect(response.header?.memberId).toBe(api.state.memberId);
    const [first, second, , fourth, last] = response.results.map(({ result }) => result.value);
    expect(first).toMatchObject({ keyValue: { value: Buffer.from("1") } });
    expect(second).toMatchObject({ revision: 2n });
    expect(fourth).toMatchObject({ revision: 3n });
    expect(last).not.toHaveProperty("keyValue");
  });

  it("makes one write call of its writes and one wait of each kind of read", async () => {
    await run([
      put("a"),
      get("a"),
      get("b"),
      get("c", { consistency: Consistency.SERIALIZABLE }),
      get("d", { minRevision: 1n }),
      put("e"),
      range(),
    ]);
    expect(api.calls.filter((call) => call.name === "write")).toEqual([
      { name: "write", options: { deadlineMs, forward: true }, size: 2 },
    ]);
    expect(api.calls.filter((call) => call.name === "awaitReadable").map((call) => call.options)).toEqual([
      { consistency: "linearizable", minRevision: 0n, deadlineMs },
      { consistency: "serializable", minRevision: 0n, deadlineMs },
      { consistency: "linearizable", minRevision: 1n, deadlineMs },
    ]);
  });

  it("reads while its writes are under way", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    api.before = (call) => {
      if (call.name === "awaitReadable") release();
      return call.name === "write" ? held : undefined;
    };
    expect(cases(await run([put("a"), get("a")]))).toEqual(["put", "get"]);
  });

  it("gives a wrong operation its own error and does the others", async () => {
    const response = await run([put(""), {}, put("a"), get("a", { revision: 99n })]);
    expect(cases(response)).toEqual(["error", "error", "put", "error"]);
    expect(response.results.map(({ result }) => result.case === "error" && result.value)).toMatchObject([
      { code: Code.InvalidArgument, detail: { subject: "key", outcome: Outcome.NOT_APPLIED } },
      { code: Code.InvalidArgument, detail: { subject: "operation" } },
      false,
      { code: Code.OutOfRange, detail: { reason: Reason.FUTURE_REVISION } },
    ]);
    expect([...api.store.values()].map(({ key }) => text(key))).toEqual(["a"]);
  });

  it("gives every write the error of a write call that fails, and reads none of it", async () => {
    api.before = (call) => {
      if (call.name === "write") throw new ReplicaError("no-quorum", "no quorum", { outcome: "unknown" });
    };
    const response = await run([put("a"), get("b"), put("c")]);
    expect(cases(response)).toEqual(["error", "get", "error"]);
    const detail = { reason: Reason.NO_QUORUM, outcome: Outcome.UNKNOWN };
    expect(response.results[2]?.result.value).toMatchObject({ code: Code.Unavailable, detail });
  });

  it("gives the reads of a kind the error of their wait", async () => {
    api.before = (call) => {
      if (call.name === "awaitReadable") throw new ReplicaError("no-leader", "no leader");
    };
    expect(cases(await run([get("a"), put("b"), range()]))).toEqual(["error", "put", "error"]);
  });

  it("compares one operation and applies its neighbours", async () => {
    await run([put("a")]);
    const expected = { ...put("a").operation.value, expectedModRevision: 0n };
    const response = await run([{ operation: { case: "put", value: expected } }, put("b")]);
    expect(cases(response)).toEqual(["error", "put"]);
    const detail = { reason: Reason.COMPARE_FAILED, revision: 1n };
    expect(response.results[0]?.result.value).toMatchObject({ code: Code.Aborted, detail });
  });

  it("is bounded in what it answers: ranges end early, further reads are refused", async () => {
    const large = Buffer.alloc(50_000, "x");
    await run(["a", "b", "c", "d", "e", "f", "g"].map((key) => put(key, large)));
    const response = await run([get("a"), get("b"), range(), range(), get("c")]);
    expect(cases(response)).toEqual(["get", "get", "range", "error", "get"]);
    expect(response.results[2]?.result.value).toMatchObject({ more: true, count: 2n });
    const detail = { reason: Reason.LIMIT_EXCEEDED, subject: "response_max_bytes" };
    expect(response.results[3]?.result.value).toMatchObject({ code: Code.ResourceExhausted, detail });
  });

  it("says that a write was tried when its previous value does not fit the answer", async () => {
    const large = Buffer.alloc(60_000, "x");
    const keys = ["a", "b", "c", "d", "e"];
    await run(keys.map((key) => put(key, large)));
    const replace = keys.map((key) => ({
      operation: { case: "put" as const, value: { key: Buffer.from(key), previous: true } },
    }));
    const response = await run(replace);
    expect(cases(response)).toEqual(["put", "put", "put", "put", "error"]);
    expect(response.results[4]?.result.value).toMatchObject({ detail: { outcome: Outcome.UNKNOWN } });
    expect(api.store.get("e")?.value).toHaveLength(0);
  });

  it("of nothing answers nothing", async () => {
    expect((await run([])).results).toEqual([]);
  });
});

describe("Range", () => {
  it("ends where the answer is full and says that there is more", async () => {
    const value = Buffer.alloc(50_000, "x");
    for (const key of ["a", "b", "c", "d", "e", "f", "g"]) await run([put(key, value)]);
    const request = create(BatchRequestSchema, { operations: [range()] }).operations[0]!.operation;
    if (request.case !== "range") throw new Error("not a range");
    const response = await calls.range(request.value, { deadlineMs });
    expect(response).toMatchObject({ more: true, count: 5n });
    expect(response.keyValues).toHaveLength(5);
  });
});
