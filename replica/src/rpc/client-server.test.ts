import { once } from "node:events";
import { createServer, connect as netConnect } from "node:net";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { ClusterService, MemberKind } from "@rstore/proto/rstore/v1/cluster";
import { ErrorDetailSchema, KvService, Outcome, Reason } from "@rstore/proto/rstore/v1/kv";
import { MaintenanceService, Role } from "@rstore/proto/rstore/v1/maintenance";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReplicaError } from "../runtime/replica-api.ts";
import { type Harness, rawCall, startHarness, until } from "./rpc-harness.ts";

const bytes = (text: string) => Buffer.from(text);

let harness: Harness;
beforeEach(async () => {
  harness = await startHarness();
});
afterEach(() => harness.close());

const transports: readonly (readonly [string, (baseUrl: string) => Transport])[] = [
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-Web over HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ["gRPC-Web over HTTP/2", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  [
    "Connect JSON over HTTP/1.1",
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  ],
  [
    "Connect JSON over HTTP/2",
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
  ],
  [
    "Connect binary over HTTP/1.1",
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  ],
  [
    "Connect binary over HTTP/2",
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true }),
  ],
  ["Connect GET", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useHttpGet: true })],
];

describe.each(transports)("one port speaks %s", (_name, createTransport) => {
  it("for every service", async () => {
    const transport = createTransport(harness.baseUrl);
    const kv = createClient(KvService, transport);
    const put = await kv.put({ key: bytes("a"), value: bytes("1") });
    expect(put).toMatchObject({ revision: 1n, header: { clusterId: 0xc1n, term: 7n, revision: 1n } });
    expect((await kv.get({ key: bytes("a") })).keyValue?.value).toEqual(Uint8Array.from(bytes("1")));
    expect((await kv.range({ prefix: true })).count).toBe(1n);
    expect((await kv.delete({ key: bytes("a") })).deleted).toBe(1n);
    await kv.compact({ revision: 1n });
    const status = await createClient(MaintenanceService, transport).status({});
    expect(status).toMatchObject({ name: "fake", role: Role.LEADER, compactedRevision: 1n });
    const hash = await createClient(MaintenanceService, transport).hash({});
    expect(hash).toMatchObject({ hash: 0xabcdn, revision: 2n });
    const listing = await createClient(ClusterService, transport).listMembers({});
    expect(listing).toMatchObject({
      configurationIndex: 2n,
      members: [{ id: 0xa1n, kind: MemberKind.VOTER }],
      progress: [{ state: "replicate" }],
    });
  });

  it("for errors with their details", async () => {
    harness.api.before = () => {
      throw new ReplicaError("no-leader", "no leader is known; try again", {
        outcome: "not-applied",
        detail: { leaderPeerUrl: "http://p" },
      });
    };
    const kv = createClient(KvService, createTransport(harness.baseUrl));
    const error = ConnectError.from(await kv.put({ key: bytes("a") }).catch((thrown: unknown) => thrown));
    expect(error.code).toBe(Code.Unavailable);
    expect(error.rawMessage).toBe("no leader is known; try again");
    expect(error.findDetails(ErrorDetailSchema)).toMatchObject([
      { reason: Reason.NO_LEADER, outcome: Outcome.NOT_APPLIED, leaderPeerUrl: "http://p" },
    ]);
  });
});

describe.each([true, false])("an error that cannot be written (fast path: %s)", (fastPath) => {
  it("ends the call and not the process", async () => {
    await harness.close();
    harness = await startHarness({ fastPath });
    const kv = createClient(KvService, createGrpcTransport({ baseUrl: harness.baseUrl }));
    harness.api.before = () => {
      throw new ReplicaError("internal", "half a surrogate: \ud800");
    };
    await expect(kv.get({ key: bytes("a") })).rejects.toBeInstanceOf(ConnectError);
    harness.api.before = () => {};
    await kv.get({ key: bytes("a") });
    await until(async () => (await harness.scrape()).includes("rstore_rpc_inflight_requests 0\n"), "let go");
  });
});

describe("a path that nothing serves", () => {
  it("is UNIMPLEMENTED to gRPC", async () => {
    const answer = await rawCall(
      harness.session(),
      "/rstore.v1.KvService/Nothing",
      { "content-type": "application/grpc" },
      Buffer.alloc(5),
    );
    expect(answer.headers).toMatchObject({ ":status": 200, "grpc-status": String(Code.Unimplemented) });
  });

  it("is 404 to others", async () => {
    const response = await fetch(`${harness.baseUrl}/nothing`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: "Not found" });
  });
});

describe("telling the protocols apart", () => {
  it("works when the first bytes come one at a time", async () => {
    const socket = netConnect(harness.port, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    for (const byte of "PUT /key/a HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\nconnection: close\r\n\r\n1") {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await once(socket, "close");
    expect(answer).toContain("200 OK");
  });

  it("leaves other connections alone when one is reset at any moment", async () => {
    for (const start of ["", "P", "PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /status"]) {
      const socket = netConnect(harness.port, "127.0.0.1");
      await once(socket, "connect");
      socket.write(start);
      socket.resetAndDestroy();
    }
    expect((await fetch(`${harness.baseUrl}/status`)).status).toBe(200);
  });
});

describe("closing", () => {
  it("lets requests under way finish, refuses new connections, and then is done", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    harness.api.before = () => held;
    const putOver = (transport: Transport) => createClient(KvService, transport).put({ key: bytes("a") });
    const { baseUrl } = harness;
    const underWay = [
      putOver(createGrpcTransport({ baseUrl })),
      putOver(createConnectTransport({ baseUrl, httpVersion: "1.1" })),
      fetch(`${baseUrl}/key/b`, { method: "PUT", body: "1" }),
    ];
    await until(() => harness.api.calls.length === 3, "three calls under way");
    let closed = false;
    const closing = harness.server.close(20_000).then(() => {
      closed = true;
    });
    await until(
      async () => (await fetch(`${baseUrl}/status`).catch(() => "refused")) === "refused",
      "refused",
    );
    expect(closed).toBe(false);
    release();
    expect((await Promise.all(underWay)).length).toBe(3);
    await closing;
  });

  it("does not wait for connections that say nothing, or are idle", async () => {
    const silent = netConnect(harness.port, "127.0.0.1");
    await once(silent, "connect");
    const idle = harness.session();
    await once(idle, "connect");
    expect((await fetch(`${harness.baseUrl}/status`)).status).toBe(200);
    const closed = [once(silent.resume(), "close"), once(idle, "close")];
    await harness.server.close(3_600_000);
    await Promise.all(closed);
  });

  it("cuts off at the deadline what does not finish", async () => {
    harness.api.before = () => new Promise<void>(() => {});
    const put = fetch(`${harness.baseUrl}/key/b`, { method: "PUT", body: "1" }).catch(() => "cut off");
    await until(() => harness.api.calls.length === 1, "a call under way");
    await harness.server.close(50);
    expect(await put).toBe("cut off");
  });
});

describe("listening", () => {
  it("says what to do when the port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const started = startHarness({ listen: { host: "127.0.0.1", port } });
    await expect(started).rejects.toMatchObject({
      reason: "addressInUse",
      message: expect.stringContaining(`127.0.0.1:${port} for clients is taken`),
    });
    other.close();
  });
});
