import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { create } from "@bufbuild/protobuf";
import { Code, type ConnectRouter, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import {
  PeerService,
  StreamKind,
  type StreamRequest,
  StreamRequestSchema,
} from "@rstore/proto/rstore/peer/v1/peer";
import { MembershipService } from "@rstore/proto/rstore/v1/membership";
import { afterEach, describe, expect, test } from "vitest";
import { FatalError } from "../errors.ts";
import type { Message } from "../raft/types.ts";
import { ENVELOPE_BYTES } from "./envelope.ts";
import { decodeFrame, encodeFrame, parseStreamRequest } from "./frame-codec.ts";
import { encodeHello } from "./hello-codec.ts";
import { createPeerServer } from "./peer-server.ts";
import {
  appendEntries,
  chunksOf,
  connect,
  heartbeat,
  linked,
  RecordingHandler,
  startMember,
  TEST_CLUSTER,
  TestNetwork,
  testClock,
  until,
} from "./transport-harness.ts";

const network = new TestNetwork();
afterEach(() => network.close());

function foreignClient(url: string) {
  return createClient(PeerService, createConnectTransport({ baseUrl: url, httpVersion: "2" }));
}

function helloFrom(id: bigint, to: bigint) {
  return encodeHello(new RecordingHandler(id).hello(to));
}

function requestOf(messages: readonly Message[]) {
  const envelope = Buffer.concat(encodeFrame({ messages, snapshotOffers: [], snapshotRequests: [] }).pieces);
  return parseStreamRequest(envelope.subarray(ENVELOPE_BYTES));
}

function openRequest(from: bigint, to: bigint) {
  const open = { hello: helloFrom(from, to), kind: StreamKind.CONTROL };
  return create(StreamRequestSchema, { open });
}

describe("an ordinary connect-node client", () => {
  test("opens a stream, is welcomed, and its frames arrive", async () => {
    const member = await network.member(1n);
    const messages = [heartbeat(2n, 1n), appendEntries(2n, 1n, [10, 50_000])];
    async function* requests() {
      yield openRequest(2n, 1n);
      yield requestOf(messages);
      await until("messages", () => member.handler.received.length === 2);
    }
    const answers: unknown[] = [];
    await expect(
      (async () => {
        for await (const { result } of foreignClient(member.url).stream(requests())) answers.push(result);
      })(),
    ).resolves.toBeUndefined();
    expect(answers).toMatchObject([
      { case: "welcome", value: { memberId: 1n, clusterId: TEST_CLUSTER, incarnation: 1n } },
    ]);
    expect(member.handler.received).toEqual(messages);
  });

  test("is refused as a member would be", async () => {
    const member = await network.member(1n);
    async function* requests() {
      yield openRequest(2n, 9n);
      await until("the end", () => answers.length > 0);
    }
    const answers: unknown[] = [];
    for await (const { result } of foreignClient(member.url).stream(requests())) answers.push(result);
    expect(answers).toMatchObject([
      { case: "refusal", value: { reason: { case: "wrongMember", value: { memberId: 1n } } } },
    ]);
  });

  test.each([
    ["a wrong checksum", () => ({ ...requestOf([heartbeat(2n, 1n)]), checksum: 1 }), Code.DataLoss],
    ["a message of another member", () => requestOf([heartbeat(3n, 1n)]), Code.FailedPrecondition],
    ["a second hello", () => openRequest(2n, 1n), Code.InvalidArgument],
  ])("sees its stream end for %s, with the code", async (_what, bad, code) => {
    const member = await network.member(1n);
    let welcomed = () => {};
    const welcome = new Promise<void>((resolve) => {
      welcomed = resolve;
    });
    let failed = false;
    async function* requests() {
      yield openRequest(2n, 1n);
      await welcome;
      yield bad();
      await until("the end", () => failed);
    }
    await expect(
      (async () => {
        try {
          for await (const _ of foreignClient(member.url).stream(requests())) welcomed();
        } finally {
          failed = true;
        }
      })(),
    ).rejects.toMatchObject({ code });
    expect(member.handler.received).toEqual([]);
    expect(member.handler.disconnects).toEqual([]);
  });

  test("that sends frames before it is welcomed sees its stream end, and they are not read", async () => {
    const member = await network.member(1n);
    const admit = member.handler.admit.bind(member.handler);
    let ended = false;
    member.handler.admit = async (hello) => {
      await until("the end", () => ended);
      return admit(hello);
    };
    async function* requests() {
      yield openRequest(2n, 1n);
      yield requestOf([heartbeat(2n, 1n)]);
      await until("the end", () => ended);
    }
    const answers = foreignClient(member.url).stream(requests());
    await expect(answers[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: Code.InvalidArgument,
    });
    ended = true;
    expect(member.handler.received).toEqual([]);
  });

  test("fetches a snapshot", async () => {
    const member = await network.member(1n);
    const file = new Uint8Array(1_000_000).map((_, at) => at % 251);
    member.handler.onReadSnapshot = (_id, offset) => chunksOf(file, offset, 100_000);
    async function* requests() {
      yield { hello: helloFrom(2n, 1n), snapshotId: "s", offset: 300_000n };
    }
    const parts: Uint8Array[] = [];
    for await (const { data } of foreignClient(member.url).fetchSnapshot(requests())) parts.push(data);
    expect(Buffer.concat(parts).equals(file.subarray(300_000))).toBe(true);
    member.handler.onReadSnapshot = () => undefined;
    await expect(
      foreignClient(member.url).fetchSnapshot(requests())[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({
      code: Code.NotFound,
    });
  });

  test("forwards", async () => {
    const member = await network.member(1n);
    const client = foreignClient(member.url);
    const payload = new Uint8Array([1, 2, 3]);
    expect((await client.forward({ hello: helloFrom(2n, 1n), payload })).payload).toEqual(payload);
    expect((await client.forward({ hello: helloFrom(2n, 9n), payload })).refusal?.reason.case).toBe(
      "wrongMember",
    );
    await expect(client.forward({ payload })).rejects.toMatchObject({ code: Code.InvalidArgument });
    member.handler.onForwarded = () => new Promise(() => {});
    const hello = helloFrom(2n, 1n);
    await expect(client.forward({ hello, payload }, { timeoutMs: 50 })).rejects.toMatchObject({
      code: Code.DeadlineExceeded,
    });
  });
});

describe("an ordinary connect-node server", () => {
  /** A server that welcomes every stream in the name of a member. */
  async function foreignServer(memberId: bigint) {
    const frames: StreamRequest[] = [];
    const routes = (router: ConnectRouter) =>
      router.service(PeerService, {
        async *stream(requests) {
          for await (const request of requests) {
            if (request.open === undefined) frames.push(request);
            else
              yield {
                result: { case: "welcome", value: { memberId, clusterId: TEST_CLUSTER, incarnation: 1n } },
              };
          }
        },
        forward: async ({ payload }) => ({ payload }),
      });
    const server = http2.createServer(connectNodeAdapter({ routes })).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    return { frames, url: `http://127.0.0.1:${port}`, server };
  }

  test("understands this member's streams and calls", async () => {
    const { frames, url, server } = await foreignServer(2n);
    const member = await network.member(1n);
    member.transport.setPeers([{ memberId: 2n, peerUrl: url }]);
    await until("a frame", () => {
      member.transport.send([appendEntries(1n, 2n, [20_000])]);
      return frames.length > 0;
    });
    expect(decodeFrame(frames[0]!, 1n, 2n).messages[0]).toEqual(appendEntries(1n, 2n, [20_000]));
    const answer = await member.transport.forward(2n, new Uint8Array([5]), performance.now() + 5_000);
    expect(answer).toEqual(new Uint8Array([5]));
    await member.transport.close();
    server.close();
  });

  test("that welcomes in another member's name gets no message (A14)", async () => {
    const { frames, url, server } = await foreignServer(9n);
    const member = await network.member(1n);
    member.transport.setPeers([{ memberId: 2n, peerUrl: url }]);
    await until("the refusal", () => {
      member.transport.send([heartbeat(1n, 2n)]);
      return member.handler.refusals.length > 0;
    });
    expect(member.handler.refusals[0]).toEqual({
      peer: 2n,
      refusal: { reason: "wrong-member", memberId: 9n },
    });
    expect(frames).toEqual([]);
    await member.transport.close();
    server.close();
  });
});

describe("the peer port", () => {
  const services = (router: ConnectRouter) =>
    router.service(MembershipService, {
      getIdentity: () => ({ memberId: 7n, name: "seven" }),
      bootstrap: async ({ clusterId }) => ({ configurationIndex: clusterId }),
    });

  test("serves further services by Connect, gRPC, and JSON over HTTP/1.1", async () => {
    const member = await network.member(1n, { services });
    for (const httpVersion of ["1.1", "2"] as const) {
      const client = createClient(
        MembershipService,
        createConnectTransport({ baseUrl: member.url, httpVersion }),
      );
      expect((await client.getIdentity({})).memberId).toBe(7n);
    }
    const grpc = createClient(MembershipService, createGrpcTransport({ baseUrl: member.url }));
    expect((await grpc.getIdentity({})).name).toBe("seven");
    const response = await fetch(`${member.url}/rstore.v1.MembershipService/Bootstrap`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ clusterId: "5", memberId: "1" }),
    });
    expect(await response.json()).toEqual({ configurationIndex: "5" });
    expect((await fetch(`${member.url}/nothing`)).status).toBe(404);
  });

  test("refuses requests over the limit and stays well (C9)", async () => {
    const member = await network.member(1n, { services, limits: { requestMaxBytes: 10_000 } });
    const post = (bytes: number) =>
      fetch(`${member.url}/rstore.v1.MembershipService/Bootstrap`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ clusterId: "5", memberId: "1" }) + " ".repeat(bytes),
      });
    expect((await post(100_000)).status).toBe(429);
    expect((await post(1)).status).toBe(200);
  });

  test("ends connections that say nothing, half a hello, or claim too much (C9)", async () => {
    const member = await network.member(1n, { limits: { helloTimeoutMs: 100 } });
    const silent = net.connect(member.server.port, "127.0.0.1");
    const slow = net.connect(member.server.port, "127.0.0.1");
    slow.write("PRI * HT");
    const slower = net.connect(member.server.port, "127.0.0.1");
    slower.write("POST / HTTP/1.1\r\nhost: a\r\nx-slow");
    await Promise.all(
      [silent, slow, slower].map((socket) => once(socket.on("error", () => {}).resume(), "close")),
    );
    const session = http2.connect(member.url);
    const headers = { ":method": "POST", ":path": "/rstore.peer.v1.PeerService/Stream" };
    const contentType = { "content-type": "application/connect+proto" };
    const speechless = session.request({ ...headers, ...contentType });
    const boastful = session.request({ ...headers, ...contentType });
    boastful.write(Buffer.from([0, 0x00, 0xff, 0xff, 0xff]));
    const ends = await Promise.all(
      [speechless, boastful].map(async (stream) => Buffer.concat(await stream.toArray()).toString()),
    );
    expect(ends[0]).toContain("deadline_exceeded");
    expect(ends[1]).toContain("out_of_range");
    const [answer] = await once(session.request(headers), "response");
    expect(answer[":status"]).toBe(415);
    session.destroy();
    const peer = await network.member(2n);
    await connect(peer, member);
  });

  test("ends connections that fell silent, but not those that wait for an answer (C9)", async () => {
    const limits = { deadPeerMs: 50, stallTimeoutMs: 100 };
    let answer: (() => void) | undefined;
    const slow = (router: ConnectRouter) =>
      router.service(MembershipService, {
        getIdentity: () =>
          new Promise((resolve) => {
            answer = () => resolve({ name: "late" });
          }),
      });
    const member = await network.member(1n, { services: slow, limits });
    const waiting = createClient(
      MembershipService,
      createConnectTransport({ baseUrl: member.url, httpVersion: "2" }),
    );
    const identity = waiting.getIdentity({});
    await until("the call", () => answer !== undefined);
    for (let at = 0; at < 2; at++) {
      const idle = http2.connect(member.url);
      await once(idle, "close");
    }
    answer?.();
    expect((await identity).name).toBe("late");
  });

  test("holds no more connections than its limit", async () => {
    const member = await network.member(1n, { limits: { connectionsMax: 3, helloTimeoutMs: 60_000 } });
    const sockets = Array.from({ length: 6 }, () => net.connect(member.server.port, "127.0.0.1"));
    let closed = 0;
    for (const socket of sockets)
      socket
        .on("error", () => {})
        .on("close", () => closed++)
        .resume();
    await until("three closed", () => closed === 3);
    for (const socket of sockets) socket.destroy();
  });

  test("that is taken is said so", async () => {
    const member = await network.member(1n);
    const listen = { host: "127.0.0.1", port: member.server.port };
    const opening = createPeerServer({
      handler: member.handler,
      links: member.transport.links,
      clock: testClock,
      listen,
    });
    await expect(opening).rejects.toBeInstanceOf(FatalError);
    await expect(opening).rejects.toMatchObject({ reason: "addressInUse" });
  });

  test("that closes lets a call under way finish, and tells its peers at once", async () => {
    let answer: (() => void) | undefined;
    const slow = (router: ConnectRouter) =>
      router.service(MembershipService, {
        getIdentity: () =>
          new Promise((resolve) => {
            answer = () => resolve({ name: "late" });
          }),
      });
    const member = await startMember(1n, { services: slow });
    const peer = await network.member(2n);
    await connect(peer, member);
    const clients = (["1.1", "2"] as const).map((httpVersion) =>
      createClient(MembershipService, createConnectTransport({ baseUrl: member.url, httpVersion })),
    );
    const answers: Promise<{ name: string }>[] = [];
    const finish: (() => void)[] = [];
    for (const client of clients) {
      answer = undefined;
      answers.push(client.getIdentity({}));
      await until("the call", () => answer !== undefined);
      finish.push(answer!);
    }
    const closing = member.server.close(20_000);
    await until("the peer told", () => peer.handler.disconnects.length > 0);
    for (const one of finish) one();
    for (const one of answers) expect((await one).name).toBe("late");
    await closing;
    await member.transport.close();
    expect(peer.handler.disconnects).toEqual([1n]);
    expect(member.handler.disconnects).toEqual([]);
  });

  test("ends a half-open peer's streams, which is no report of a loss", async () => {
    // The peer pings every 500 ms and finds the connection dead only after this member has.
    const member = await network.member(1n, { limits: { deadPeerMs: 100, stallTimeoutMs: 800 } });
    const peer = await network.member(2n, { limits: { deadPeerMs: 2_000 } });
    const proxy = await network.proxy(member);
    await connect(peer, member, proxy.url);
    const hello = peer.handler.hello(1n);
    expect(member.transport.links.isAdmitted(hello)).toBe(true);
    proxy.swallow = true;
    await until("the end", () => !member.transport.links.isAdmitted(hello));
    expect(member.handler.disconnects).toEqual([]);
  });

  test("takes a restarted peer's streams while the old ones are half open", async () => {
    const member = await network.member(1n);
    const before = await network.member(2n);
    const proxy = await network.proxy(member);
    await connect(before, member, proxy.url);
    proxy.swallow = true;
    const after = await network.member(2n, { incarnation: 2n });
    after.transport.setPeers([{ memberId: 1n, peerUrl: member.url }]);
    await linked(after, member);
    expect(member.handler.disconnects).toEqual([2n]);
  });
});
