import { execFile, execFileSync } from "node:child_process";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ReplicaError } from "../runtime/replica-api.ts";
import { testLimits } from "./fake-replica.ts";
import { keyFromPath } from "./plain-values.ts";
import { type Harness, rawCall, startHarness } from "./rpc-harness.ts";

const leaderId = "00000000000000a1";

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
beforeEach(() => {
  harness.api.before = () => {};
  harness.api.store.clear();
  harness.api.calls.length = 0;
  harness.api.role = "leader";
  harness.api.state = { ...harness.api.state, leaderId: 0xa1n };
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

type Send = (method: string, path: string, body?: string | Uint8Array, type?: string) => Promise<Answer>;

/** Paths are sent as they are, which fetch would not do. */
const overHttp1: Send = (method, path, body, type) =>
  new Promise((resolve, reject) => {
    const headers = type === undefined ? {} : { "content-type": type };
    const request = httpRequest({ port: harness.port, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    request.on("error", reject);
    request.end(body);
  });

const overHttp2: Send = async (method, path, body, type) => {
  const session = harness.session();
  const headers = { ":method": method, ...(type !== undefined && { "content-type": type }) };
  const answer = await rawCall(session, path, headers, Buffer.from(body ?? ""));
  session.destroy();
  return { status: answer.status, headers: answer.headers, body: answer.body.toString() };
};

describe.each([
  ["HTTP/1.1", overHttp1],
  ["h2c", overHttp2],
])("the plain routes over %s", (_protocol, send) => {
  const json = async (...call: Parameters<Send>) => {
    const { status, body } = await send(...call);
    return { status, body: JSON.parse(body) as unknown };
  };

  it("put, get and delete a key", async () => {
    expect(await json("PUT", "/key/alice", '"Alice"')).toEqual({
      status: 200,
      body: { success: true, key: "alice", value: "Alice", leaderId },
    });
    expect(await json("GET", "/key/alice")).toEqual({
      status: 200,
      body: { key: "alice", value: "Alice", nodeRole: "leader" },
    });
    expect(await json("DELETE", "/key/alice")).toEqual({
      status: 200,
      body: { success: true, key: "alice", leaderId },
    });
    const missing = { status: 404, body: { error: "Key not found", key: "alice" } };
    expect(await json("GET", "/key/alice")).toEqual(missing);
    expect(await json("DELETE", "/key/alice")).toEqual(missing);
  });

  it.each([
    "30",
    "12345678901234567890.10",
    '{"b": 1, "a": [true, null]}',
    '  "spaces around"\n',
    '"\\ud83d\\ude00 \\u0000"',
    '"ünïcödé"',
  ])("give JSON text back exactly: %s", async (text) => {
    const put = await send("PUT", "/key/a", text);
    expect(put.body).toContain(`"value":${text}`);
    expect((await send("GET", "/key/a")).body).toContain(`"value":${text}`);
    expect((await send("GET", "/key/a?raw")).body).toBe(text);
  });

  it.each(["Alice", "", "{", "'x'", "\ufeff1", "NaN"])("refuse what is not JSON: %j", async (text) => {
    const { status, body } = await json("PUT", "/key/a", text, "application/json");
    expect(status).toBe(400);
    expect(body).toMatchObject({ reason: "invalid-argument", subject: "body", outcome: "not-applied" });
    expect(harness.api.calls).toEqual([]);
  });

  it("take curl's default content type for JSON", async () => {
    const form = "application/x-www-form-urlencoded";
    expect((await send("PUT", "/key/a", "x", form)).status).toBe(400);
    expect((await send("PUT", "/key/a", "30", form)).status).toBe(200);
  });

  it("store other content types as they are", async () => {
    expect(await json("PUT", "/key/a", "just text", "text/plain")).toMatchObject({
      body: { value: "just text" },
    });
    expect(await json("GET", "/key/a")).toMatchObject({ body: { value: "just text" } });
    const bytes = Buffer.from([0xff, 0x00, 0x80]);
    await send("PUT", "/key/b", bytes, "application/octet-stream");
    expect(await json("GET", "/key/b")).toMatchObject({ body: { value: "/wCA", encoding: "base64" } });
    expect(harness.api.store.get("b")?.value).toEqual(bytes);
  });

  it.each([
    ["/key/a%2Fb", "a/b"],
    ["/key/a/b", "a/b"],
    ["/key/a%20b%25", "a b%"],
    ["/key/a+b", "a+b"],
    ["/key/%C3%BC", "ü"],
    ["/key//", "/"],
    ["/key/../x", "../x"],
    ["/key/a%3Fraw", "a?raw"],
  ])("read the key in %s", async (path, key) => {
    expect(await json("PUT", path, "1")).toMatchObject({ status: 200, body: { key } });
    expect(harness.api.store.has(Buffer.from(key).toString("latin1"))).toBe(true);
    expect(await json("GET", path)).toMatchObject({ status: 200, body: { key } });
  });

  it("show a key that is not text as base64", async () => {
    expect(await json("PUT", "/key/%FF%00", "1")).toMatchObject({
      body: { key: "/wA=", keyEncoding: "base64" },
    });
  });

  it.each(["/key/%", "/key/%2", "/key/%zz", "/key/%+1", "/key/", `/key/${"x".repeat(1025)}`])(
    "refuse the key in %s",
    async (path) => {
      const { status, body } = await json("PUT", path, "1");
      expect(status).toBe(400);
      expect(body).toMatchObject({ subject: "key" });
    },
  );

  it("read as the caller asks", async () => {
    await json("GET", "/key/a?consistency=serializable");
    await json("GET", "/key/a");
    const options = harness.api.calls.map((call) => call.options);
    expect(options).toMatchObject([{ consistency: "serializable" }, { consistency: "linearizable" }]);
    expect(await json("GET", "/key/a?consistency=maybe")).toMatchObject({
      status: 400,
      body: { subject: "consistency" },
    });
  });

  it("forward a write unless they are told not to, and say who leads", async () => {
    harness.api.role = "follower";
    harness.api.state = { ...harness.api.state, leaderId: 0xb2n };
    harness.api.before = (call) => {
      if (call.name !== "write" || (call.options as { forward: boolean }).forward) return;
      throw new ReplicaError("not-leader", "not the leader", {
        outcome: "not-applied",
        detail: { leaderId: 0xb2n },
      });
    };
    expect((await send("PUT", "/key/a", "1")).status).toBe(200);
    expect(await json("GET", "/key/a")).toMatchObject({ body: { nodeRole: "follower" } });
    const refused = { error: "Not the leader", currentRole: "follower", leaderId: "00000000000000b2" };
    for (const [method, body] of [
      ["PUT", "1"],
      ["DELETE", undefined],
    ] as const) {
      expect(await json(method, "/key/a?forward=false", body)).toMatchObject({ status: 503, body: refused });
    }
    expect((await json("PUT", "/key/a?forward=maybe", "1")).status).toBe(400);
  });

  it.each([
    [new ReplicaError("no-quorum", "x", { outcome: "unknown" }), 503, "unknown"],
    [new ReplicaError("no-leader", "x", { outcome: "not-applied" }), 503, "not-applied"],
    [new ReplicaError("deadline-exceeded", "x", { outcome: "unknown" }), 504, "unknown"],
    [new ReplicaError("outcome-unknown", "x", { outcome: "unknown" }), 504, "unknown"],
    [new ReplicaError("no-space", "x", { outcome: "not-applied" }), 507, "not-applied"],
    [new TypeError("a bug"), 500, "unknown"],
  ])("say what became of a write that failed: %s", async (error, status, outcome) => {
    harness.api.before = () => {
      throw error;
    };
    expect(await json("PUT", "/key/a", "1")).toMatchObject({ status, body: { outcome } });
  });

  it("refuse a body that is too large", async () => {
    const body = Buffer.alloc(testLimits.requestMaxBytes + 100, "1");
    expect(await json("PUT", "/key/a", body)).toMatchObject({
      status: 413,
      body: { subject: "request_max_bytes", limit: testLimits.requestMaxBytes },
    });
  });

  it("show the status", async () => {
    await send("PUT", "/key/a", "1");
    const { status, body } = await json("GET", "/status");
    expect(status).toBe(200);
    expect(body).toMatchObject({ nodeId: leaderId, role: "leader", term: 7, leaderId, totalKeys: 1 });
    harness.api.state = { ...harness.api.state, leaderId: 0n };
    expect(await json("GET", "/status")).toMatchObject({ body: { leaderId: null } });
  });

  it("answer HEAD like GET, without the body", async () => {
    await send("PUT", "/key/a", '"Alice"');
    for (const path of ["/key/a", "/key/a?raw", "/key/missing", "/status", "/nothing"]) {
      const get = await send("GET", path);
      const head = await send("HEAD", path);
      expect(head.body).toBe("");
      expect(head.status).toBe(get.status);
      expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
    }
  });

  it.each([
    ["POST", "/key/a", "GET, HEAD, PUT, DELETE"],
    ["PATCH", "/key/a", "GET, HEAD, PUT, DELETE"],
    ["DELETE", "/status", "GET, HEAD"],
  ])("refuse %s %s with what is allowed", async (method, path, allow) => {
    const answer = await send(method, path, "");
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
  });
});

it("a key in a path is ASCII: other bytes are percent-encoded", () => {
  expect(keyFromPath("%C3%BC")).toEqual(Uint8Array.from([0xc3, 0xbc]));
  // How node:http2 would show bytes that are not; node:http refuses them itself.
  expect(keyFromPath("\u00c3\u00bc")).toBeUndefined();
});

function curlVersion(): string | undefined {
  try {
    return execFileSync("curl", ["--version"]).toString();
  } catch {
    return undefined;
  }
}

const curlFound = curlVersion();
if (curlFound === undefined)
  console.warn("SKIPPED: curl is not installed; the plain routes are not tried with it");

describe.skipIf(curlFound === undefined)("curl", () => {
  const curl = (...args: string[]) =>
    new Promise<string>((resolve, reject) => {
      execFile("curl", ["-sS", ...args], (error, stdout) => (error ? reject(error) : resolve(stdout)));
    });
  const h2c = curlFound?.includes("HTTP2") ? [["--http2-prior-knowledge"]] : [];

  it.each([[[]], ...h2c.map((flags) => [flags])])("works as the documentation shows it %j", async (flags) => {
    const { baseUrl } = harness;
    expect(await curl(...flags, "-X", "PUT", `${baseUrl}/key/name`, "-d", '"Alice"')).toBe(
      `{"success":true,"key":"name","value":"Alice","leaderId":"${leaderId}"}\n`,
    );
    expect(await curl(...flags, `${baseUrl}/key/name`)).toBe(
      '{"key":"name","value":"Alice","nodeRole":"leader"}\n',
    );
    expect(await curl(...flags, "-X", "PUT", `${baseUrl}/key/age`, "-d", "30")).toContain('"value":30,');
    expect(await curl(...flags, "-X", "DELETE", `${baseUrl}/key/age`)).toContain('"success":true');
    expect(await curl(...flags, "-o", "/dev/null", "-w", "%{http_code}", `${baseUrl}/key/age`)).toBe("404");
    const body = JSON.stringify({ key: Buffer.from("name").toString("base64") });
    const answer = await curl(
      ...flags,
      "-H",
      "content-type: application/json",
      "-d",
      body,
      `${baseUrl}/rstore.v1.KvService/Get`,
    );
    const value = Buffer.from('"Alice"').toString("base64");
    expect(JSON.parse(answer)).toMatchObject({ keyValue: { value } });
  });
});
