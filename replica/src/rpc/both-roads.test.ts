import { gzipSync } from "node:zlib";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import {
  BatchRequestSchema,
  BatchResponseSchema,
  DeleteRequestSchema,
  DeleteResponseSchema,
  GetRequestSchema,
  GetResponseSchema,
  PutRequestSchema,
  PutResponseSchema,
  RangeRequestSchema,
  RangeResponseSchema,
} from "@rstore/proto/rstore/v1/kv";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ReplicaError } from "../runtime/replica-api.ts";
import { testLimits } from "./fake-replica.ts";
import { envelope, type Harness, type RawAnswer, rawCall, startHarness } from "./rpc-harness.ts";

type Road = "fast" | "general";
type Protocol = "grpc" | "connect";

interface Case {
  readonly name: string;
  readonly method: "Put" | "Get" | "Range" | "Delete" | "Batch";
  readonly body: (protocol: Protocol) => Uint8Array;
  readonly headers?: (protocol: Protocol) => Record<string, string>;
  /** Thrown by the replica. */
  readonly failure?: unknown;
  /** The code that a caller reads; 0 for success. */
  readonly code: number;
}

const key = Buffer.from("a key");

function message<Desc extends DescMessage>(desc: Desc, init: MessageInitShape<Desc>): Case["body"] {
  const bytes = toBinary(desc, create(desc, init));
  return (protocol) => (protocol === "grpc" ? envelope(bytes) : bytes);
}

const putBody = message(PutRequestSchema, { key, value: Buffer.from("value") });
const timeoutHeader = (grpc: string, connect: string) => (protocol: Protocol) => ({
  ...(protocol === "grpc" ? { "grpc-timeout": grpc } : { "connect-timeout-ms": connect }),
});

const cases: readonly Case[] = [
  { name: "put", method: "Put", body: putBody, code: 0 },
  { name: "get", method: "Get", body: message(GetRequestSchema, { key }), code: 0 },
  { name: "range", method: "Range", body: message(RangeRequestSchema, {}), code: 0 },
  { name: "delete", method: "Delete", body: message(DeleteRequestSchema, { key, previous: true }), code: 0 },
  {
    name: "batch",
    method: "Batch",
    body: message(BatchRequestSchema, {
      operations: [{ operation: { case: "get", value: { key } } }, { operation: { case: "put", value: {} } }],
    }),
    code: 0,
  },
  {
    name: "an invalid field",
    method: "Put",
    body: message(PutRequestSchema, {}),
    code: Code.InvalidArgument,
  },
  {
    name: "a failed compare",
    method: "Put",
    body: message(PutRequestSchema, { key, expectedModRevision: 99n }),
    code: Code.Aborted,
  },
  {
    name: "an error with every detail",
    method: "Get",
    body: message(GetRequestSchema, { key }),
    failure: new ReplicaError("not-leader", "ask änother – 100%", {
      outcome: "not-applied",
      detail: { leaderId: 5n, leaderClientUrl: "http://l:1", leaderPeerUrl: "http://l:2", index: 3n },
    }),
    code: Code.FailedPrecondition,
  },
  {
    name: "an outcome that is not known",
    method: "Put",
    body: putBody,
    failure: new ReplicaError("outcome-unknown", "leadership was lost", { outcome: "unknown" }),
    code: Code.Unknown,
  },
  {
    name: "a bug",
    method: "Put",
    body: putBody,
    failure: new TypeError("undefined is not a function"),
    code: Code.Internal,
  },
  {
    name: "a malformed message",
    method: "Put",
    body: (protocol) =>
      protocol === "grpc" ? envelope(Buffer.from([0x0a, 9, 1])) : Buffer.from([0x0a, 9, 1]),
    code: Code.Internal,
  },
  {
    name: "a body that is too large",
    method: "Put",
    body: message(PutRequestSchema, { key, value: new Uint8Array(testLimits.requestMaxBytes) }),
    code: Code.ResourceExhausted,
  },
  {
    name: "a declared length that is too large",
    method: "Put",
    body: message(PutRequestSchema, { key, value: new Uint8Array(testLimits.requestMaxBytes) }),
    headers: () => ({ "content-length": String(testLimits.requestMaxBytes + 300) }),
    code: Code.ResourceExhausted,
  },
  {
    name: "a deadline",
    method: "Put",
    body: putBody,
    headers: timeoutHeader("250m", "250"),
    code: 0,
  },
  {
    name: "a deadline beyond the longest",
    method: "Put",
    body: putBody,
    headers: timeoutHeader("9999H", "9999999999"),
    code: 0,
  },
  {
    name: "a malformed deadline",
    method: "Put",
    body: putBody,
    headers: timeoutHeader("soon", "soon"),
    code: Code.InvalidArgument,
  },
  {
    name: "an unknown compression",
    method: "Put",
    body: putBody,
    headers: (protocol) => ({ [protocol === "grpc" ? "grpc-encoding" : "content-encoding"]: "zip" }),
    code: Code.Unimplemented,
  },
  {
    name: "gzip",
    method: "Put",
    body: (protocol) => {
      const bytes = gzipSync(toBinary(PutRequestSchema, create(PutRequestSchema, { key })));
      return protocol === "grpc" ? envelope(bytes, 1) : bytes;
    },
    headers: (protocol) => ({ [protocol === "grpc" ? "grpc-encoding" : "content-encoding"]: "gzip" }),
    code: 0,
  },
  {
    name: "gzip that grows too large (C9)",
    method: "Put",
    body: (protocol) => {
      const bytes = gzipSync(Buffer.alloc(testLimits.requestMaxBytes * 20));
      return protocol === "grpc" ? envelope(bytes, 1) : bytes;
    },
    headers: (protocol) => ({ [protocol === "grpc" ? "grpc-encoding" : "content-encoding"]: "gzip" }),
    code: Code.ResourceExhausted,
  },
];

const grpcCases: readonly Case[] = [
  { name: "no message", method: "Put", body: () => Buffer.alloc(0), code: Code.Unimplemented },
  { name: "half an envelope", method: "Put", body: () => Buffer.from([0, 0, 0]), code: Code.InvalidArgument },
  {
    name: "half a message",
    method: "Put",
    body: (protocol) => putBody(protocol).subarray(0, 8),
    code: Code.InvalidArgument,
  },
  {
    name: "two messages",
    method: "Put",
    body: (protocol) => Buffer.concat([putBody(protocol), putBody(protocol)]),
    code: Code.Unimplemented,
  },
  {
    name: "a compressed envelope without a compression",
    method: "Put",
    body: () => envelope(Buffer.from("x"), 1),
    code: Code.Internal,
  },
];

const responses = {
  Put: PutResponseSchema,
  Get: GetResponseSchema,
  Range: RangeResponseSchema,
  Delete: DeleteResponseSchema,
  Batch: BatchResponseSchema,
};

/** What a caller sees of an answer. */
function seen(protocol: Protocol, { method }: Case, answer: RawAnswer) {
  const { status, headers, trailers, body, resetCode } = answer;
  const ok = protocol === "grpc" ? trailers["grpc-status"] === "0" : status === 200;
  const bytes = protocol === "grpc" ? body.subarray(5) : body;
  return {
    status,
    resetCode,
    contentType: headers["content-type"],
    contentLength: headers["content-length"],
    encoding: headers["content-encoding"],
    trailers: Object.entries(trailers),
    envelope: protocol === "grpc" ? body.subarray(0, 5).toString("hex") : undefined,
    message: ok ? fromBinary(responses[method] as typeof PutResponseSchema, bytes) : body.toString(),
  };
}

function codeOf(protocol: Protocol, answer: RawAnswer): number {
  if (protocol === "grpc") {
    const trailers = new Headers(Object.entries(answer.trailers) as [string, string][]);
    expect(trailers.get("grpc-status")).toMatch(/^\d+$/);
    return findTrailerError(trailers)?.code ?? 0;
  }
  if (answer.status === 200) return 0;
  const { code } = JSON.parse(answer.body.toString()) as { code: string };
  const name = code.replace(/(^|_)([a-z])/g, (_all, _sep, letter: string) => letter.toUpperCase());
  return Code[name as keyof typeof Code];
}

describe.each(["grpc", "connect"] as const)("the fast path and the general road, by %s", (protocol) => {
  let roads: Record<Road, Harness>;
  beforeAll(async () => {
    roads = { fast: await startHarness(), general: await startHarness({ fastPath: false }) };
  });
  afterAll(() => Promise.all([roads.fast.close(), roads.general.close()]));
  afterEach(() => {
    for (const { api } of [roads.fast, roads.general]) {
      api.before = () => {};
      api.calls.length = 0;
    }
  });

  async function runOn(road: Harness, test: Case): Promise<RawAnswer> {
    road.api.before = () => {
      if (test.failure) throw test.failure;
    };
    const session = road.session();
    const type = protocol === "grpc" ? "application/grpc" : "application/proto";
    const headers = { "content-type": type, ...test.headers?.(protocol) };
    const answer = await rawCall(
      session,
      `/rstore.v1.KvService/${test.method}`,
      headers,
      test.body(protocol),
    );
    session.destroy();
    return answer;
  }

  const all = protocol === "grpc" ? [...cases, ...grpcCases] : cases;
  it.each(all)("answer the same to $name", async (test) => {
    const fast = await runOn(roads.fast, test);
    const general = await runOn(roads.general, test);
    expect(codeOf(protocol, fast)).toBe(test.code);
    expect(seen(protocol, test, fast)).toEqual(seen(protocol, test, general));
  });

  it.each([
    ["none", {}, testLimits.defaultTimeoutMs],
    ["250 ms", timeoutHeader("250m", "250")(protocol), 250],
    ["too long", timeoutHeader("9999H", "9999999999")(protocol), testLimits.maxTimeoutMs],
  ])("give the replica the same deadline when the caller names %s", async (_name, headers, timeoutMs) => {
    for (const road of [roads.fast, roads.general]) {
      const beforeMs = performance.now();
      await runOn(road, { name: "", method: "Put", body: putBody, headers: () => headers, code: 0 });
      const afterMs = performance.now();
      const { deadlineMs } = road.api.calls[0]!.options as { deadlineMs: number };
      expect(deadlineMs).toBeGreaterThanOrEqual(beforeMs + timeoutMs);
      expect(deadlineMs).toBeLessThanOrEqual(afterMs + timeoutMs);
    }
  });

  it("count the same requests", async () => {
    const counted = async (road: Harness) =>
      (await road.scrape()).split("\n").filter((line) => line.startsWith("rstore_rpc_requests_total{"));
    const ofMethods = async (road: Harness) =>
      (await counted(road)).filter((line) => /method="(Put|Get|Range|Delete|Batch)"/.test(line)).sort();
    const fast = await ofMethods(roads.fast);
    expect(fast.length).toBeGreaterThan(5);
    expect(fast).toEqual(await ofMethods(roads.general));
  });

  it("leave nothing in flight", async () => {
    for (const road of [roads.fast, roads.general]) {
      const page = await road.scrape();
      expect(page).toContain("rstore_rpc_inflight_requests 0\n");
      expect(page).toContain("rstore_rpc_inflight_bytes 0\n");
    }
  });
});
