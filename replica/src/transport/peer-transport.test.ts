import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { Message } from "../raft/types.ts";
import { dialTcp } from "./peer-session.ts";
import {
  appendEntries,
  connect,
  countingClock,
  heartbeat,
  join,
  linked,
  type RecordingHandler,
  startMember,
  TestNetwork,
  until,
} from "./transport-harness.ts";
import type { PeerRefusal } from "./types.ts";

const network = new TestNetwork();
afterEach(() => network.close());

/** Short times, so that what waits for them is quick. */
const quick = {
  deadPeerMs: 200,
  stallTimeoutMs: 1_000,
  helloTimeoutMs: 200,
  connectTimeoutMs: 200,
  backoffMaxMs: 50,
};

function ofType(handler: RecordingHandler, type: Message["type"]): Message[] {
  return handler.received.filter((message) => message.type === type);
}

describe("messages", () => {
  test("of a stream arrive in order, whole, under the hello of their sender", async () => {
    const [one, two] = [await network.member(1n), await network.member(2n)];
    await join(one, two);
    const appends = [appendEntries(1n, 2n, [10, 100_000, 0, 1_000_000]), appendEntries(1n, 2n, [], 5n)];
    const heartbeats = [heartbeat(1n, 2n, 1n), heartbeat(1n, 2n, 2n)];
    one.transport.send([appends[0]!, heartbeats[0]!]);
    one.transport.send([appends[1]!, heartbeats[1]!]);
    await until("messages", () => two.handler.received.length === 4);
    expect(ofType(two.handler, "AppendEntries")).toEqual(appends);
    expect(ofType(two.handler, "Heartbeat")).toEqual(heartbeats);
    expect(two.handler.hellos.every((hello) => hello.from === 1n && hello.to === 2n)).toBe(true);
    const [stats] = one.transport.stats();
    await until("the round trip", () => one.transport.stats()[0]!.roundTripMs !== undefined);
    expect(stats).toMatchObject({ memberId: 2n, connected: true });
    expect(stats!.sentBytes.bulk).toBeGreaterThan(1_000_000);
  });

  test("of one turn share a frame", async () => {
    const [one, two] = [await network.member(1n), await network.member(2n)];
    await connect(one, two);
    let calls = 0;
    two.handler.onReceive = () => calls++;
    for (let commit = 0n; commit < 100n; commit++) one.transport.send([heartbeat(1n, 2n, commit)]);
    await until("messages", () => two.handler.received.length === 100);
    expect(calls).toBe(1);
  });

  test("to nobody known are reported as unreachable, once a turn, and not from within send", async () => {
    const one = await network.member(1n);
    one.transport.send([heartbeat(1n, 9n), heartbeat(1n, 9n)]);
    expect(one.handler.unreachables).toEqual([]);
    await until("the report", () => one.handler.unreachables.length > 0);
    expect(one.handler.unreachables).toEqual([9n]);
  });

  test("beyond a queue's bound are dropped and reported, what was taken arrives", async () => {
    const limits = { controlQueueMaxMessages: 10 };
    const [one, two] = [await network.member(1n, { limits }), await network.member(2n)];
    await connect(one, two);
    const before = one.transport.stats()[0]!.messagesDropped;
    one.transport.send(Array.from({ length: 25 }, (_, at) => heartbeat(1n, 2n, BigInt(at))));
    await until("the report", () => one.handler.unreachables.length > 0);
    await until("messages", () => two.handler.received.length === 10);
    expect(one.handler.unreachables).toEqual([2n]);
    expect(one.transport.stats()[0]!.messagesDropped - before).toBe(15);
  });

  test("that a slow peer does not read stay within the bound in bytes", async () => {
    const limits = { bulkQueueMaxBytes: 2_000_000, writeAheadMaxBytes: 500_000 };
    const [one, two] = [await network.member(1n, { limits }), await network.member(2n)];
    const proxy = await network.proxy(two);
    await connect(one, two, proxy.url);
    proxy.bytesPerSecond = 100_000;
    for (let at = 0; at < 300; at++) {
      one.transport.send([appendEntries(1n, 2n, [200_000])]);
      await new Promise((resolve) => setImmediate(resolve));
      expect(one.transport.stats()[0]!.queuedBytes.bulk).toBeLessThan(3_500_000);
    }
    expect(one.handler.unreachables.length).toBeGreaterThan(0);
    expect(one.transport.stats()[0]!.messagesDropped).toBeGreaterThan(0);
  });

  test("that are small pass appends that a slow line holds up", async () => {
    const [one, two] = [await network.member(1n), await network.member(2n)];
    const proxy = await network.proxy(two);
    await connect(one, two, proxy.url);
    proxy.bytesPerSecond = 2_000_000;
    one.transport.send([appendEntries(1n, 2n, [4_000_000])]);
    for (let commit = 0n; commit < 20n; commit++) {
      one.transport.send([heartbeat(1n, 2n, commit)]);
      await until("a heartbeat", () => ofType(two.handler, "Heartbeat").length > Number(commit));
    }
    expect(ofType(two.handler, "AppendEntries")).toEqual([]);
    await until("the append", () => ofType(two.handler, "AppendEntries").length === 1);
  });
});

describe("a hello is refused", () => {
  const refusals: PeerRefusal[] = [
    { reason: "wrong-cluster", clusterId: 7n },
    { reason: "wrong-member", memberId: 8n },
    { reason: "removed", index: 99n },
    { reason: "stale-disk", message: "an old copy" },
    { reason: "unsupported-version", message: "too new" },
    { reason: "not-ready", message: "starting" },
  ];

  test.each(refusals)(
    "with $reason: the caller is told, nothing of it is read, it tries again",
    async (refusal) => {
      const [one, two] = [await network.member(1n, { limits: quick }), await network.member(2n)];
      two.handler.refuse = () => refusal;
      one.transport.setPeers([{ memberId: 2n, peerUrl: two.url }]);
      one.transport.send([heartbeat(1n, 2n)]);
      await until("the refusal", () => one.handler.refusals.length >= 2);
      expect(one.handler.refusals[0]).toEqual({ peer: 2n, refusal });
      expect(two.handler.received).toEqual([]);
      expect(one.handler.disconnects).toEqual([]);
      expect(two.handler.disconnects).toEqual([]);
      expect(one.transport.stats()[0]!.connected).toBe(false);
      two.handler.refuse = () => undefined;
      await linked(one, two);
    },
  );

  test("by a member at a reused address: its messages reach nobody (A14)", async () => {
    const [one, two, three] = [await network.member(1n), await network.member(2n), await network.member(3n)];
    const [toTwo, toThree] = [await network.proxy(two), await network.proxy(three)];
    one.transport.setPeers([
      { memberId: 2n, peerUrl: toTwo.url },
      { memberId: 3n, peerUrl: toThree.url },
    ]);
    await linked(one, two);
    await linked(one, three);
    [toTwo.target, toThree.target] = [toThree.target, toTwo.target];
    toTwo.cut("reset");
    toThree.cut("reset");
    await until("refusals", () => one.handler.refusals.length >= 2);
    one.transport.send([heartbeat(1n, 2n, 5n), heartbeat(1n, 3n, 6n)]);
    await until(
      "the report",
      () => one.handler.unreachables.includes(2n) && one.handler.unreachables.includes(3n),
    );
    expect(two.handler.received).toEqual([]);
    expect(three.handler.received).toEqual([]);
    expect(one.handler.refusals).toContainEqual({
      peer: 2n,
      refusal: { reason: "wrong-member", memberId: 3n },
    });
    [toTwo.target, toThree.target] = [toThree.target, toTwo.target];
    await linked(one, two);
  });

  test("of an older incarnation once a newer one was admitted; the older stream is closed (A14)", async () => {
    const two = await network.member(2n, { limits: quick });
    const older = await network.member(1n, { limits: quick, incarnation: 4n });
    const newer = await network.member(1n, { limits: quick, incarnation: 5n });
    await connect(older, two);
    await connect(newer, two);
    expect(two.handler.disconnects).toEqual([1n]);
    await until("the refusal", () => older.handler.refusals.length > 0);
    expect(older.handler.refusals[0]!.refusal.reason).toBe("stale-disk");
    older.transport.send([heartbeat(1n, 2n, 4n)]);
    newer.transport.send([heartbeat(1n, 2n, 5n)]);
    await until("the newer one's heartbeat", () => two.handler.received.length > 0);
    expect(two.handler.received).toEqual([heartbeat(1n, 2n, 5n)]);
  });
});

describe("a connection", () => {
  test.each(["reset", "close"] as const)(
    "that the other end loses by %s is told at once, once, to both",
    async (how) => {
      const [one, two] = [await network.member(1n), await network.member(2n)];
      const [toOne, toTwo] = [await network.proxy(one), await network.proxy(two)];
      one.transport.setPeers([{ memberId: 2n, peerUrl: toTwo.url }]);
      two.transport.setPeers([{ memberId: 1n, peerUrl: toOne.url }]);
      await linked(one, two);
      await linked(two, one);
      for (const round of [1, 2]) {
        toOne.cut(how);
        toTwo.cut(how);
        await until(
          "both told",
          () => one.handler.disconnects.length + two.handler.disconnects.length >= 2 * round,
        );
        await linked(one, two);
        await linked(two, one);
        expect(one.handler.disconnects).toEqual(Array(round).fill(2n));
        expect(two.handler.disconnects).toEqual(Array(round).fill(1n));
      }
    },
  );

  test("to a process that is killed is told at once, once", async () => {
    const one = await network.member(1n);
    const script = `
      import { startMember } from ${JSON.stringify(new URL("./transport-harness.ts", import.meta.url).href)};
      const two = await startMember(2n);
      two.transport.setPeers([{ memberId: 1n, peerUrl: ${JSON.stringify(one.url)} }]);
      setInterval(() => two.transport.send([{ type: "TimeoutNow", from: 2n, to: 1n, term: 1n }]), 5);
      console.log(two.url);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [url] = await once(child.stdout, "data");
      one.transport.setPeers([{ memberId: 2n, peerUrl: String(url).trim() }]);
      const isLinked = () => one.handler.received.length > 0 && one.transport.stats()[0]!.connected;
      await until("connections both ways", isLinked);
    } finally {
      child.kill("SIGKILL");
    }
    await once(child, "exit");
    await until("the loss", () => one.handler.disconnects.length > 0);
    await until("attempts to dial", () => one.transport.stats()[0]!.connected === false);
    expect(one.handler.disconnects).toEqual([2n]);
  });

  test("that this member ends itself is no loss for it", async () => {
    const [one, two] = [await network.member(1n), await network.member(2n)];
    await join(one, two);
    one.transport.setPeers([]);
    await until("the other told", () => two.handler.disconnects.length > 0);
    expect(one.handler.disconnects).toEqual([]);
    expect(one.transport.stats()).toEqual([]);
    await one.close();
    expect(one.handler.disconnects).toEqual([]);
    expect(two.handler.disconnects).toEqual([1n]);
  });

  test("that was given up is not dialled again: no timer is left", async () => {
    const clock = countingClock();
    const [one, two] = [await network.member(1n, { clock }), await network.member(2n)];
    await connect(one, two);
    expect(clock.pending()).toBeGreaterThan(0);
    one.transport.setPeers([]);
    expect(clock.pending()).toBe(0);
    one.transport.setPeers([{ memberId: 3n, peerUrl: "http://127.0.0.1:1" }]);
    await until("an attempt that failed", () => one.transport.stats()[0]!.queuedBytes.control === 0);
    await one.transport.close();
    expect(clock.pending()).toBe(0);
  });

  test("is made again after the peer restarts", async () => {
    const one = await network.member(1n, { limits: quick });
    const before = await startMember(2n);
    await join(one, before);
    const { port } = before.server;
    await before.close();
    await until("the loss", () => one.handler.disconnects.length === 1);
    one.transport.send([heartbeat(1n, 2n)]);
    await until("the report", () => one.handler.unreachables.includes(2n));
    const after = await network.member(2n, { port, incarnation: 2n });
    await linked(one, after);
    expect(one.handler.disconnects).toEqual([2n]);
  });

  test("follows the peer to another address", async () => {
    const [one, two] = [await network.member(1n), await network.member(2n)];
    const proxy = await network.proxy(two);
    await connect(one, two, proxy.url);
    expect(proxy.connections).toBe(2);
    await connect(one, two, two.url);
    await until("the old one closed", () => proxy.connections === 0);
    expect(one.handler.disconnects).toEqual([]);
  });

  test("that swallows everything is found dead, without a report of a loss, and dialled again", async () => {
    // Its streams live and die together: the control stream's pings speak for the bulk stream.
    const one = await network.member(1n, { limits: { ...quick, stallTimeoutMs: 60_000 } });
    const two = await network.member(2n, { limits: quick });
    const proxy = await network.proxy(two);
    await connect(one, two, proxy.url);
    proxy.swallow = true;
    await until("the dead peer", () => one.transport.stats()[0]!.connected === false);
    expect(one.handler.unreachables).toContain(2n);
    expect(one.handler.disconnects).toEqual([]);
    const forwarded = one.transport.forward(2n, new Uint8Array(1), performance.now() + 5_000);
    await expect(forwarded).rejects.toMatchObject({ sent: false });
    proxy.swallow = false;
    await linked(one, two);
  });

  test("with a name that does not resolve is tried for ever, by name each time (C3)", async () => {
    const hosts: string[] = [];
    const dial = (url: URL): net.Socket => {
      hosts.push(url.hostname);
      if (hosts.length > 6) return dialTcp(new URL(two.url));
      const socket = new net.Socket();
      const error = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
      setImmediate(() => socket.destroy(error));
      return socket;
    };
    const [one, two] = [await network.member(1n, { limits: quick, dial }), await network.member(2n)];
    await connect(one, two, "http://member-2.peers.invalid:4101");
    expect(hosts.length).toBe(8);
    expect(new Set(hosts)).toEqual(new Set(["member-2.peers.invalid"]));
  });

  test("to an address that is none harms nobody else", async () => {
    const [one, two] = [await network.member(1n), await network.member(2n)];
    one.transport.setPeers([
      { memberId: 5n, peerUrl: "not an address" },
      { memberId: 2n, peerUrl: two.url },
    ]);
    await linked(one, two);
    one.transport.send([heartbeat(1n, 5n)]);
    await until("the report", () => one.handler.unreachables.includes(5n));
  });
});

describe("a stream is ended by its receiver", () => {
  test("for a frame with a wrong checksum; the next stream works (C2)", async () => {
    const [one, two] = [await network.member(1n), await network.member(2n)];
    const proxy = await network.proxy(two);
    await connect(one, two, proxy.url);
    let corrupted = 0;
    proxy.corrupt = (chunk) => {
      const at = chunk.indexOf(Buffer.alloc(64, 1));
      if (corrupted++ > 0 || at < 0) return chunk;
      chunk[at + 32] = 0xff;
      return chunk;
    };
    one.transport.send([appendEntries(1n, 2n, [50_000])]);
    await until("the report", () => one.handler.unreachables.includes(2n));
    expect(two.handler.received).toEqual([]);
    // The process at the other end lives: neither side takes this for a loss.
    expect([...one.handler.disconnects, ...two.handler.disconnects]).toEqual([]);
    proxy.corrupt = undefined;
    await linked(one, two);
    expect([...one.handler.disconnects, ...two.handler.disconnects]).toEqual([]);
  });

  test("for a message of another member, and what follows it is not read (A14)", async () => {
    const [one, two] = [await network.member(1n), await network.member(2n)];
    await connect(one, two);
    one.transport.send([heartbeat(7n, 2n), heartbeat(1n, 2n)]);
    await until("the report", () => one.handler.unreachables.includes(2n));
    expect(two.handler.received).toEqual([]);
    await linked(one, two);
  });
});
