import { create, toBinary } from "@bufbuild/protobuf";
import { PutRequestSchema } from "@rstore/proto/rstore/v1/kv";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReplicaEvents } from "../events.ts";
import type { CallOptions, RpcLimits } from "../runtime/replica-api.ts";
import { RequestIntake } from "../runtime/request-intake.ts";
import { RequestLog } from "./request-log.ts";
import { envelope, type Harness, rawCall, startHarness, until } from "./rpc-harness.ts";

type Fields = Readonly<Record<string, unknown>>;

const putPath = "/rstore.v1.KvService/Put";
const value = Buffer.from("v");
const put = toBinary(PutRequestSchema, create(PutRequestSchema, { key: Buffer.from("k"), value }));
const unary = { "content-type": "application/proto" };
const grpc = { "content-type": "application/grpc+proto", te: "trailers" };

interface Road {
  readonly name: string;
  readonly fastPath: boolean;
  /** The id in the answer. */
  readonly call: (headers: Record<string, string>) => Promise<string | undefined>;
}

let harness: Harness;
let lines: Fields[];

async function start(
  fastPath: boolean,
  slowRequestMs = 60_000,
  limits: Partial<RpcLimits> = {},
): Promise<void> {
  lines = [];
  const log = new ReplicaEvents({ level: "debug", write: (_, fields) => lines.push(fields) });
  const intake = new RequestIntake({ random: Math.random });
  const requests = new RequestLog({ intake, log, slowRequestMs });
  harness = await startHarness({ fastPath, log, requests, limits });
}

async function over2(headers: Record<string, string>, body: Uint8Array): Promise<string | undefined> {
  const answer = await rawCall(harness.session(), putPath, headers, body);
  return answer.headers["x-request-id"] as string | undefined;
}

async function over1(path: string, method: string, headers: Record<string, string>, body: Uint8Array) {
  const answer = await fetch(`${harness.baseUrl}${path}`, { method, headers, body: Buffer.from(body) });
  await answer.arrayBuffer();
  return answer.headers.get("x-request-id") ?? undefined;
}

const roads: readonly Road[] = [
  { name: "Connect, fast", fastPath: true, call: (headers) => over2({ ...unary, ...headers }, put) },
  { name: "gRPC, fast", fastPath: true, call: (headers) => over2({ ...grpc, ...headers }, envelope(put)) },
  {
    name: "gRPC, general",
    fastPath: false,
    call: (headers) => over2({ ...grpc, ...headers }, envelope(put)),
  },
  {
    name: "Connect over HTTP/1.1",
    fastPath: false,
    call: (headers) => over1(putPath, "POST", { ...unary, ...headers }, put),
  },
  {
    name: "a plain route",
    fastPath: false,
    call: (headers) => over1("/key/k", "PUT", { "content-type": "text/plain", ...headers }, value),
  },
];

const linesOf = (msgId: string): Fields[] => lines.filter((line) => line.msgId === msgId);

afterEach(() => harness.close());

describe.each(roads)("a request by $name", ({ fastPath, call }) => {
  beforeEach(() => start(fastPath));

  it("keeps the id that its caller gave it, in the answer, the call and the log", async () => {
    expect(await call({ "x-request-id": "order-17" })).toBe("order-17");
    const [written] = harness.api.calls;
    expect((written!.options as CallOptions).requests?.map(({ id }) => id)).toEqual(["order-17"]);
    await until(() => linesOf("request.answered").length > 0, "the line of the answer");
    expect(linesOf("request.received")).toMatchObject([{ request: "order-17" }]);
    expect(linesOf("request.answered")).toMatchObject([{ request: "order-17", code: "ok" }]);
    expect(JSON.stringify(lines)).not.toMatch(/"[kv]"|key\/k/);
  });

  it("has an id of its own where its caller gave none, or one that no header or log should hold", async () => {
    const ids = [
      await call({}),
      await call({ "x-request-id": "a, b" }),
      await call({ "x-request-id": "x".repeat(65) }),
    ];
    expect(ids.every((id) => id !== undefined && /^[0-9a-f]{10}-[0-9a-z]+$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(3);
  });

  it("that is turned away for want of room is told of", async () => {
    await harness.close();
    await start(fastPath, 60_000, { inflightMaxRequests: 0 });
    expect(await call({ "x-request-id": "order-19" })).toBe("order-19");
    expect(linesOf("request.refused")).toMatchObject([{ request: "order-19", most: 0 }]);
  });

  it("has its id in an error, too, and the log has what the caller is not shown", async () => {
    harness.api.before = () => {
      throw new Error("inside");
    };
    expect(await call({ "x-request-id": "order-18" })).toBe("order-18");
    expect(linesOf("request.failed")).toMatchObject([{ request: "order-18", err: new Error("inside") }]);
  });
});

describe("a slow request", () => {
  it("has a line that says where the time went", async () => {
    await start(true, 0);
    harness.api.before = ({ options }) => {
      const request = (options as CallOptions).requests![0]!;
      request.proposedMs = performance.now();
      request.appliedMs = request.proposedMs + 60;
      request.index = 42n;
    };
    await over2({ ...unary, "x-request-id": "slow" }, put);
    const fields = { request: "slow", method: "rstore.v1.KvService/Put", code: "ok", index: "42" };
    expect(linesOf("request.slow")).toMatchObject([{ ...fields, replicatedMs: 60 }]);
  });

  it("is one that takes as long as the setting says", async () => {
    await start(true, 60_000);
    await over2(unary, put);
    expect(linesOf("request.answered")).toHaveLength(1);
    expect(linesOf("request.slow")).toEqual([]);
  });
});
