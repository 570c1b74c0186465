import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect as http2Connect } from "node:http2";
import { connect as netConnect, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { Health } from "@rstore/proto/grpc/health/v1/health";
import { ErrorDetailSchema, GetRequestSchema, KvService, Reason } from "@rstore/proto/rstore/v1/kv";
import { MaintenanceService } from "@rstore/proto/rstore/v1/maintenance";
import { afterEach, describe, expect, it } from "vitest";
import { envelope, type Harness, startHarness, until } from "./rpc-harness.ts";

let harness: Harness;
afterEach(() => harness.close());

const key = Buffer.from("a");
const grpc = () => createClient(KvService, createGrpcTransport({ baseUrl: harness.baseUrl }));
const connectClient = (httpVersion: "1.1" | "2") =>
  createClient(KvService, createConnectTransport({ baseUrl: harness.baseUrl, httpVersion }));

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await promise.then(() => new Error("succeeded")).catch((thrown: unknown) => thrown),
  );
}

function expectLimit(error: ConnectError, reason: Reason, subject: string, limit: number): void {
  expect(error.code).toBe(Code.ResourceExhausted);
  expect(error.rawMessage).toContain(subject);
  expect(error.findDetails(ErrorDetailSchema)).toMatchObject([{ reason, subject, limit: BigInt(limit) }]);
}

/** Resolves when the other end closes the connection, in whatever way. */
function closedByServer(socket: Socket): Promise<void> {
  socket.on("error", () => {});
  socket.resume();
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

describe("a body of 1 GB is cut off early (C9)", () => {
  const gigabyte = 2 ** 30;

  it.each([
    ["its length declared", { "content-length": String(gigabyte) }],
    ["its length not declared", {}],
  ])("over HTTP/1.1, %s", async (_name, headers) => {
    harness = await startHarness();
    const chunk = Buffer.alloc(64 * 1024, "1");
    const { port } = harness;
    let sent = 0;
    const status = await new Promise<number | undefined>((resolve) => {
      const request = httpRequest({ port, path: "/key/a", method: "PUT", headers }, (response) => {
        resolve(response.statusCode);
      });
      request.on("error", () => resolve(undefined));
      const send = (): void => {
        while (sent < gigabyte && !request.destroyed) {
          sent += chunk.length;
          if (!request.write(chunk)) return;
        }
      };
      request.on("drain", send);
      send();
    });
    expect(status).toBe(413);
    expect(sent).toBeLessThan(gigabyte / 10);
    await until(async () => (await harness.scrape()).includes("rstore_rpc_inflight_bytes 0\n"), "let go");
    expect((await fetch(`${harness.baseUrl}/status`)).status).toBe(200);
  });

  it("and the answer over HTTP/1.1 is not lost to a reset", async () => {
    harness = await startHarness();
    const socket = netConnect({ port: harness.port, host: "127.0.0.1", allowHalfOpen: true });
    const errors: Error[] = [];
    socket.on("error", (error) => errors.push(error));
    socket.write(`PUT /key/a HTTP/1.1\r\nhost: x\r\ncontent-length: ${gigabyte}\r\n\r\n`);
    socket.write(Buffer.alloc(16 * 1024 * 1024));
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    await Promise.race([once(socket, "end"), once(socket, "close")]);
    expect(errors).toEqual([]);
    expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 413 .*connection: close/is);
    // It does not go on for ever either.
    const more = setInterval(() => socket.write("more"), 10);
    await closedByServer(socket);
    clearInterval(more);
  });

  it.each([
    ["the fast path", "application/grpc"],
    ["the general road", "application/grpc+json"],
  ])("over HTTP/2 by %s", async (_name, contentType) => {
    harness = await startHarness();
    const session = harness.session();
    const stream = session.request({
      ":method": "POST",
      ":path": "/rstore.v1.KvService/Put",
      "content-type": contentType,
    });
    let sent = 0;
    const chunk = Buffer.alloc(16 * 1024);
    chunk.writeUInt32BE(gigabyte, 1);
    const send = (): void => {
      while (sent < gigabyte && stream.writable) {
        sent += chunk.length;
        if (!stream.write(chunk)) return;
      }
    };
    stream.on("error", () => {});
    stream.on("drain", send);
    const trailers = once(stream, "trailers");
    stream.resume();
    send();
    expect((await trailers)[0]).toMatchObject({ "grpc-status": String(Code.ResourceExhausted) });
    await once(stream, "close");
    expect(stream.rstCode).toBe(0);
    expect(sent).toBeLessThan(gigabyte / 10);
    await until(async () => (await harness.scrape()).includes("rstore_rpc_inflight_bytes 0\n"), "let go");
  });
});

describe("who is slow is let go (C9)", () => {
  it.each([
    ["nothing", ""],
    ["half a preface", "PRI * HTTP"],
    ["half a request line", "GET /sta"],
    ["headers without an end", "GET /status HTTP/1.1\r\nhost: x\r\nx-slow: 1"],
    ["a body without an end", "PUT /key/a HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n1"],
  ])("a connection that sends %s is closed", async (_name, start) => {
    const timeouts = { headersTimeoutMs: 50, bodyTimeoutMs: 50, sweepIntervalMs: 20 };
    harness = await startHarness({ timeouts });
    const socket = netConnect(harness.port, "127.0.0.1");
    const closed = closedByServer(socket);
    socket.write(start);
    await closed;
  });

  it("headers that drip do not keep a connection open", async () => {
    harness = await startHarness({ timeouts: { headersTimeoutMs: 100, sweepIntervalMs: 20 } });
    const socket = netConnect(harness.port, "127.0.0.1");
    const closed = closedByServer(socket);
    socket.write("GET /status HTTP/1.1\r\n");
    const drip = setInterval(() => socket.write("x-drip: 1\r\n"), 10);
    await closed;
    clearInterval(drip);
  });

  it.each([
    ["the fast path", "application/grpc"],
    ["the general road", "application/grpc+json"],
  ])(
    "an HTTP/2 stream whose body does not come is reset by %s, the connection stays",
    async (_name, type) => {
      harness = await startHarness({ timeouts: { bodyTimeoutMs: 50, sweepIntervalMs: 20 } });
      const session = harness.session();
      const stream = session.request({
        ":method": "POST",
        ":path": "/rstore.v1.KvService/Put",
        "content-type": type,
      });
      stream.on("error", () => {});
      stream.write(Buffer.alloc(3));
      await once(stream, "close");
      expect(session.destroyed).toBe(false);
      const page = await harness.scrape();
      expect(page).toContain("rstore_rpc_requests_cut_off_total 1\n");
      expect(page).toContain("rstore_rpc_inflight_requests 0\n");
    },
  );

  it("a caller that does not take its answer is cut off", async () => {
    harness = await startHarness({ timeouts: { sendTimeoutMs: 50, sweepIntervalMs: 20 } });
    for (let i = 0; i < 4; i++) {
      await grpc().put({ key: Buffer.from(`large-${i}`), value: Buffer.alloc(60_000) });
    }
    const session = http2Connect(harness.baseUrl, { settings: { initialWindowSize: 100 } });
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": "/rstore.v1.KvService/Range",
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    stream.end(envelope(new Uint8Array(0)));
    await once(stream, "response");
    const held = async () => Number(/rstore_rpc_inflight_bytes (\d+)/.exec(await harness.scrape())?.[1]);
    await until(async () => (await held()) > 200_000, "the answer counts while it waits");
    await until(async () => (await held()) === 0, "the answer is let go");
    session.destroy();
  });

  it("a dead HTTP/2 connection is noticed by a ping", async () => {
    harness = await startHarness({ timeouts: { pingIntervalMs: 50, pingTimeoutMs: 50 } });
    const socket = netConnect(harness.port, "127.0.0.1");
    const closed = closedByServer(socket);
    // A preface and settings, and then silence: no answer to a ping.
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    await closed;
  });

  it("an idle HTTP/2 connection is asked to leave, one with a stream under way is not closed", async () => {
    harness = await startHarness({ timeouts: { sessionIdleTimeoutMs: 100, sweepIntervalMs: 20 } });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    harness.api.before = () => held;
    const idle = harness.session();
    const busy = harness.session();
    const stream = busy.request({
      ":method": "POST",
      ":path": "/rstore.v1.KvService/Get",
      "content-type": "application/grpc",
    });
    stream.end(envelope(toBinary(GetRequestSchema, create(GetRequestSchema, { key }))));
    await Promise.all([once(idle, "goaway"), once(busy, "goaway")]);
    await until(() => idle.destroyed, "the idle connection is closed");
    const trailers = once(stream, "trailers");
    stream.resume();
    release();
    expect((await trailers)[0]).toMatchObject({ "grpc-status": "0" });
  });
});

describe("requests under way are bounded", () => {
  async function hold(count: number): Promise<{ release(): void; done: Promise<unknown> }> {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    harness.api.before = () => held;
    const done = Promise.all(Array.from({ length: count }, () => grpc().get({ key })));
    await until(() => harness.api.calls.length === count, "requests under way");
    return { release, done };
  }

  it("in number, over all connections and protocols", async () => {
    harness = await startHarness({ limits: { inflightMaxRequests: 3 } });
    const { release, done } = await hold(3);
    for (const client of [grpc(), connectClient("1.1"), connectClient("2")]) {
      const error = await failure(client.get({ key }));
      expectLimit(error, Reason.LIMIT_EXCEEDED, "inflight_max_requests", 3);
    }
    const plain = await fetch(`${harness.baseUrl}/key/a`);
    expect(plain.status).toBe(429);
    expect(await plain.json()).toMatchObject({ subject: "inflight_max_requests", limit: 3 });
    harness.api.before = () => {};
    release();
    await done;
    await grpc().get({ key });
  });

  it("and the replica can still say how it is", async () => {
    harness = await startHarness({ limits: { inflightMaxRequests: 3 } });
    const { release, done } = await hold(3);
    const transport = createGrpcTransport({ baseUrl: harness.baseUrl });
    await createClient(Health, transport).check({});
    await createClient(MaintenanceService, transport).status({});
    release();
    await done;
  });

  it("in bytes", async () => {
    harness = await startHarness({ limits: { inflightMaxBytes: 100_000 } });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    harness.api.before = () => held;
    const first = grpc().put({ key, value: Buffer.alloc(60_000) });
    await until(() => harness.api.calls.length === 1, "a request under way");
    for (const client of [grpc(), connectClient("1.1")]) {
      const error = await failure(client.put({ key, value: Buffer.alloc(60_000) }));
      expectLimit(error, Reason.LIMIT_EXCEEDED, "inflight_max_bytes", 100_000);
    }
    release();
    await first;
    await grpc().put({ key, value: Buffer.alloc(60_000) });
  });

  it("also when they are cancelled: work that goes on keeps its place", async () => {
    harness = await startHarness({ limits: { inflightMaxRequests: 2 } });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    harness.api.before = () => held;
    for (const client of [grpc(), connectClient("1.1")]) {
      const controller = new AbortController();
      const { length } = harness.api.calls;
      const call = failure(client.get({ key }, { signal: controller.signal }));
      await until(() => harness.api.calls.length > length, "a request under way");
      controller.abort();
      expect((await call).code).toBe(Code.Canceled);
    }
    expectLimit(await failure(grpc().get({ key })), Reason.LIMIT_EXCEEDED, "inflight_max_requests", 2);
    harness.api.before = () => {};
    release();
    await until(async () => (await harness.scrape()).includes("rstore_rpc_inflight_requests 0\n"), "let go");
    await grpc().get({ key });
  });
});

describe("a request over its size", () => {
  it.each([
    ["gRPC", () => grpc()],
    ["Connect over HTTP/1.1", () => connectClient("1.1")],
    ["Connect over HTTP/2", () => connectClient("2")],
  ])("is told the limit by %s", async (_name, client) => {
    harness = await startHarness({ limits: { requestMaxBytes: 1000 } });
    const error = await failure(client().put({ key, value: Buffer.alloc(2000) }));
    expectLimit(error, Reason.TOO_LARGE, "request_max_bytes", 1000);
    await client().put({ key, value: Buffer.alloc(900) });
  });
});

describe("connections are bounded", () => {
  it("and one more is closed, counted, and takes nobody's place", async () => {
    harness = await startHarness({ limits: { connectionsMax: 2 } });
    const sockets = [netConnect(harness.port, "127.0.0.1"), netConnect(harness.port, "127.0.0.1")];
    for (const socket of sockets) {
      await once(socket, "connect");
      socket.on("error", () => {});
    }
    await until(
      async () => (await harness.scrape()).includes("rstore_rpc_connections 2\n"),
      "two connections",
    );
    await closedByServer(netConnect(harness.port, "127.0.0.1"));
    expect(await harness.scrape()).toContain("rstore_rpc_connections_refused_total 1\n");
    sockets[0]!.destroy();
    await until(async () => (await harness.scrape()).includes("rstore_rpc_connections 1\n"), "room");
    expect((await fetch(`${harness.baseUrl}/status`)).status).toBe(200);
    sockets[1]!.destroy();
  });
});
