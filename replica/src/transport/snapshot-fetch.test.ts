import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http2, { type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { crc32 } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { encodeChunk } from "./frame-codec.ts";
import { PeerError } from "./peer-error.ts";
import {
  chunksOf,
  connect,
  heartbeat,
  linked,
  type TestMember,
  TestNetwork,
  until,
} from "./transport-harness.ts";
import type { SnapshotChunk, SnapshotOffer } from "./types.ts";

const network = new TestNetwork();
afterEach(() => network.close());

const limits = {
  deadPeerMs: 200,
  stallTimeoutMs: 400,
  helloTimeoutMs: 300,
  snapshotResumeMs: 200,
  backoffMaxMs: 50,
};
const CHUNK_BYTES = 256 * 1024;

/** A leader that has one snapshot, a follower that is linked to it, and a proxy on the follower's way. */
async function setUp(sizeBytes: number) {
  const [leader, follower] = [await network.member(1n, { limits }), await network.member(2n, { limits })];
  const file = randomBytes(sizeBytes);
  leader.handler.onReadSnapshot = (snapshotId, offset) =>
    snapshotId === "s1" && offset <= file.length ? chunksOf(file, offset, CHUNK_BYTES) : undefined;
  const proxy = await network.proxy(leader);
  follower.transport.setPeers([{ memberId: 1n, peerUrl: proxy.url }]);
  await linked(follower, leader);
  return { leader, follower, file, proxy };
}

async function fetchAll(
  follower: TestMember,
  offset: number,
  onChunk: (chunk: SnapshotChunk) => unknown = () => {},
) {
  const parts: Uint8Array[] = [];
  for await (const chunk of follower.transport.fetchSnapshot(1n, "s1", offset)) {
    expect(chunk.offset).toBe(offset);
    offset += chunk.data.length;
    parts.push(chunk.data);
    await onChunk(chunk);
  }
  return Buffer.concat(parts);
}

describe("a snapshot", () => {
  test("arrives as it is, and the leader hears that it was read", async () => {
    const { leader, follower, file } = await setUp(3_000_001);
    expect((await fetchAll(follower, 0)).equals(file)).toBe(true);
    await until("the verdict", () => leader.handler.fetched.length > 0);
    expect(leader.handler.fetched).toEqual([{ peer: 2n, ok: true }]);
  });

  test("is fetched from an offset, also from its end", async () => {
    const { follower, file } = await setUp(1_000_000);
    expect((await fetchAll(follower, 700_000)).equals(file.subarray(700_000))).toBe(true);
    expect(await fetchAll(follower, 1_000_000)).toHaveLength(0);
  });

  test("goes on at the offset reached after the connection broke; the leader hears of one success (A15)", async () => {
    const { leader, follower, file, proxy } = await setUp(8_000_000);
    const got: Uint8Array[] = [];
    let offset = 0;
    const first = fetchAll(follower, 0, (chunk) => {
      got.push(chunk.data);
      offset = chunk.offset + chunk.data.length;
      if (got.length === 2) proxy.cut("reset");
    });
    await expect(first).rejects.toMatchObject({ code: "unreachable" });
    expect(offset).toBeLessThan(file.length);
    got.push(await fetchAll(follower, offset));
    expect(Buffer.concat(got).equals(file)).toBe(true);
    await until("the verdict", () => leader.handler.fetched.length > 0);
    expect(leader.handler.fetched).toEqual([{ peer: 2n, ok: true }]);
  });

  test("that the follower stops fetching is given up after a while", async () => {
    const { leader, follower } = await setUp(8_000_000);
    for await (const _ of follower.transport.fetchSnapshot(1n, "s1", 0)) break;
    await until("the verdict", () => leader.handler.fetched.length > 0);
    expect(leader.handler.fetched).toEqual([{ peer: 2n, ok: false }]);
  });

  test("is read from the disk at the pace of the follower", async () => {
    const { leader, follower, file } = await setUp(40_000_000);
    let read = 0;
    const readSnapshot = leader.handler.onReadSnapshot;
    leader.handler.onReadSnapshot = (snapshotId, offset) => counted(readSnapshot(snapshotId, offset)!);
    async function* counted(chunks: AsyncIterable<SnapshotChunk>) {
      for await (const chunk of chunks) {
        read = chunk.offset + chunk.data.length;
        yield chunk;
      }
    }
    let resume = () => {};
    const paused = new Promise<void>((resolve) => {
      resume = resolve;
    });
    let steady = 0;
    const whole = fetchAll(follower, 0, async (chunk) => {
      if (chunk.offset !== 0) return;
      // Until nothing more is read: what was, is on its way.
      await until("a standstill", () => {
        if (read === steady) return true;
        steady = read;
        return false;
      });
      await paused;
    });
    await until("a first chunk", () => read > 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBeLessThan(30_000_000);
    resume();
    expect((await whole).equals(file)).toBe(true);
  });

  test("that is gone, or whose offset is, is refused as such", async () => {
    const { follower } = await setUp(1_000);
    await expect(fetchAll(follower, 5_000)).rejects.toMatchObject({ code: "not-found" });
    await expect(
      follower.transport.fetchSnapshot(1n, "s0", 0)[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({
      code: "not-found",
    });
  });

  test("is refused to one whose hello is", async () => {
    const { leader, follower } = await setUp(1_000);
    leader.handler.refuse = () => ({ reason: "removed", index: 5n });
    await expect(fetchAll(follower, 0)).rejects.toMatchObject({ code: "refused" });
    expect(follower.handler.refusals).toEqual([{ peer: 1n, refusal: { reason: "removed", index: 5n } }]);
  });

  test("with a damaged chunk is noticed there (C2)", async () => {
    const { leader, follower, file } = await setUp(2_000_000);
    leader.handler.onReadSnapshot = (_, offset) => damaged(chunksOf(file, offset, CHUNK_BYTES));
    async function* damaged(chunks: AsyncIterable<SnapshotChunk>) {
      for await (const chunk of chunks) {
        const data = Uint8Array.from(chunk.data);
        if (chunk.offset === 2 * CHUNK_BYTES) data[77]! ^= 1;
        yield { ...chunk, data };
      }
    }
    let reached = 0;
    const fetched = fetchAll(follower, 0, (chunk) => {
      reached = chunk.offset + chunk.data.length;
    });
    await expect(fetched).rejects.toMatchObject({ code: "checksum" });
    expect(reached).toBe(2 * CHUNK_BYTES);
  });

  test("with a chunk left out is noticed there", async () => {
    const { leader, follower, file } = await setUp(2_000_000);
    leader.handler.onReadSnapshot = (_, offset) => holed(chunksOf(file, offset, CHUNK_BYTES));
    async function* holed(chunks: AsyncIterable<SnapshotChunk>) {
      for await (const chunk of chunks) if (chunk.offset !== CHUNK_BYTES) yield chunk;
    }
    await expect(fetchAll(follower, 0)).rejects.toMatchObject({ code: "malformed" });
  });

  test("that was sent whole but not read whole is not taken for fetched", async () => {
    const { leader, follower, file, proxy } = await setUp(1_000_000);
    let sent = false;
    leader.handler.onReadSnapshot = (_, offset) => watched(chunksOf(file, offset, CHUNK_BYTES));
    async function* watched(chunks: AsyncIterable<SnapshotChunk>) {
      yield* chunks;
      sent = true;
    }
    const fetching = fetchAll(follower, 0, async () => {
      await until("everything sent", () => sent);
      proxy.cut("reset");
      await until("the verdict", () => leader.handler.fetched.length > 0);
    });
    await fetching.catch(() => {});
    expect(leader.handler.fetched[0]).toEqual({ peer: 2n, ok: false });
  });

  test("that ends without saying so is not taken for whole", async () => {
    const server = http2.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const data = new Uint8Array(10).fill(4);
    server.on("stream", (stream) => {
      (stream as ServerHttp2Stream).respond({ ":status": 200, "content-type": "application/connect+proto" });
      stream.end(Buffer.concat(encodeChunk({ offset: 0, data, checksum: crc32(data) }).pieces));
    });
    const follower = await network.member(2n, { limits });
    const { port } = server.address() as AddressInfo;
    follower.transport.setPeers([{ memberId: 1n, peerUrl: `http://127.0.0.1:${port}` }]);
    await expect(fetchAll(follower, 0)).rejects.toMatchObject({ code: "unreachable" });
    await follower.transport.close();
    server.close();
  });

  test("whose sender falls silent is given up after the stall time-out", async () => {
    const { leader, follower, file } = await setUp(2_000_000);
    leader.handler.onReadSnapshot = (_, offset) => stuck(chunksOf(file, offset, CHUNK_BYTES));
    async function* stuck(chunks: AsyncIterable<SnapshotChunk>) {
      for await (const chunk of chunks) {
        yield chunk;
        await new Promise(() => {});
      }
    }
    await expect(fetchAll(follower, 0)).rejects.toMatchObject({ code: "timeout" });
  });

  test("whose reading fails at the leader ends with an error, not as if it were whole", async () => {
    const { leader, follower, file } = await setUp(2_000_000);
    leader.handler.onReadSnapshot = (_, offset) => failing(chunksOf(file, offset, CHUNK_BYTES));
    async function* failing(chunks: AsyncIterable<SnapshotChunk>) {
      for await (const chunk of chunks) {
        yield chunk;
        throw new Error("EIO");
      }
    }
    await expect(fetchAll(follower, 0)).rejects.toMatchObject({ code: "internal", message: "EIO" });
    expect(leader.handler.fetched).not.toContainEqual({ peer: 2n, ok: true });
  });

  test("from nobody known, or unreachable, is rejected", async () => {
    const one = await network.member(3n, { limits });
    await expect(
      one.transport.fetchSnapshot(9n, "s", 0)[Symbol.asyncIterator]().next(),
    ).rejects.toBeInstanceOf(PeerError);
    one.transport.setPeers([{ memberId: 9n, peerUrl: "http://127.0.0.1:1" }]);
    await expect(
      one.transport.fetchSnapshot(9n, "s", 0)[Symbol.asyncIterator]().next(),
    ).rejects.toMatchObject({
      code: "unreachable",
    });
  });

  test("on its way does not hold up heartbeats", async () => {
    const { leader, follower, proxy } = await setUp(20_000_000);
    await connect(leader, follower);
    let done = false;
    const whole = fetchAll(follower, 0).finally(() => {
      done = true;
    });
    proxy.bytesPerSecond = 50_000_000;
    let heartbeats = 0;
    while (!done && heartbeats < 50) {
      leader.transport.send([heartbeat(1n, 2n, BigInt(heartbeats))]);
      heartbeats += 1;
      await until("a heartbeat", () => follower.handler.received.length >= heartbeats);
    }
    await whole;
  });
});

test("an offer arrives with its sender's hello", async () => {
  const [leader, follower] = [await network.member(1n), await network.member(2n)];
  await connect(leader, follower);
  const configuration = {
    voters: [1n, 2n],
    outgoing: [],
    learners: [],
    learnersNext: [],
    context: new Uint8Array([1]),
  };
  const offer: SnapshotOffer = {
    from: 1n,
    to: 2n,
    term: 3n,
    snapshot: { index: 100n, term: 3n, configuration: { index: 7n, configuration } },
    snapshotId: "s1",
    sizeBytes: 5_000_000_000,
    checksum: new Uint8Array([1, 2, 3]),
  };
  leader.transport.offerSnapshot(offer);
  await until("the offer", () => follower.handler.offers.length > 0);
  expect(follower.handler.offers).toEqual([offer]);
});
