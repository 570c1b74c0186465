import { once } from "node:events";
import http2 from "node:http2";
import type net from "node:net";
import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import { Code, type ConnectRouter, createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node";
import {
  PeerService,
  StreamKind,
  type StreamRequest,
  StreamRequestSchema,
} from "@rstore/proto/rstore/peer/v1/peer";
import { afterEach, describe, expect, test } from "vitest";
import type { Message } from "../raft/types.ts";
import { ENVELOPE_BYTES } from "./envelope.ts";
import { decodeFrame, encodeFrame, parseStreamRequest } from "./frame-codec.ts";
import { encodeHello } from "./hello-codec.ts";
import {
  appendEntries,
  chunksOf,
  heartbeat,
  RecordingHandler,
  TEST_CLUSTER,
  TestNetwork,
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
    const checksum = crc32(payload);
    expect((await client.forward({ hello: helloFrom(2n, 1n), payload, checksum })).payload).toEqual(payload);
    expect((await client.forward({ hello: helloFrom(2n, 9n), payload, checksum })).refusal?.reason.case).toBe(
      "wrongMember",
    );
    await expect(client.forward({ payload, checksum })).rejects.toMatchObject({ code: Code.InvalidArgument });
    const damaged = client.forward({ hello: helloFrom(2n, 1n), payload, checksum: checksum ^ 1 });
    await expect(damaged).rejects.toMatchObject({ code: Code.DataLoss });
    member.handler.onForwarded = () => new Promise(() => {});
    const hello = helloFrom(2n, 1n);
    await expect(client.forward({ hello, payload, checksum }, { timeoutMs: 50 })).rejects.toMatchObject({
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
        forward: async ({ payload }) => ({ payload, checksum: crc32(payload) }),
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
