import { heartbeat } from "@rstore/replica/transport/transport-harness";
import { describe, expect, test } from "vitest";
import { fromEventLoop } from "../world/microtasks.ts";
import { type BenchMember, commitsOf, NetworkBench, upTo } from "./network-bench.ts";

/** How long it takes one to hear of the end of two, for many seeds. */
function heardAfterMs(ended: (bench: NetworkBench, one: BenchMember) => void): number[] {
  return upTo(40).map((seed) => {
    const bench = new NetworkBench({ seed });
    const [one, two] = [bench.start(1), bench.start(2)];
    bench.join(one, two);
    const endedUs = bench.world.nowUs;
    bench.end(2);
    ended(bench, one);
    bench.until("the report", () => one.handler.unreachables.length > 0, 2_000);
    return (bench.world.nowUs - endedUs) / 1_000;
  });
}

describe("a process that died", () => {
  test("is told nothing, and its peers hear of it soon or by their pings, once for each", async () => {
    await fromEventLoop(() => {
      for (let seed = 1; seed <= 40; seed++) {
        const bench = new NetworkBench({ seed });
        const [one, two] = [bench.start(1), bench.start(2)];
        bench.join(one, two);
        for (const at of upTo(20)) one.transport.send([heartbeat(1n, 2n, BigInt(at))]);
        bench.end(2);
        const received = two.handler.received.length;
        bench.run(10_000);
        expect(two.handler.received.length).toBe(received);
        expect(two.handler.disconnects).toEqual([]);
        expect(one.handler.disconnects.length).toBeLessThanOrEqual(1);
      }
    });
  });

  test("is missed at once, at the next write or ping, or when pings stay unanswered", async () => {
    await fromEventLoop(() => {
      const idle = heardAfterMs(() => {});
      const soon = idle.filter((ms) => ms < 10).length;
      const byPing = idle.filter((ms) => ms >= 10 && ms < 300).length;
      const bySilence = idle.filter((ms) => ms >= 1_000).length;
      for (const count of [soon, byPing, bySilence]) expect(count).toBeGreaterThan(2);
      expect(soon + byPing + bySilence).toBe(40);
      const writing = heardAfterMs((_bench, one) => one.transport.send([heartbeat(1n, 2n)]));
      expect(writing.filter((ms) => ms < 10).length).toBe(soon + byPing);
      const followed = heardAfterMs((bench) => bench.start(2, { id: 7n }));
      expect(followed.filter((ms) => ms >= 300)).toEqual([]);
    });
  });

  test("takes its machine with it, at times: who dials it waits in vain", async () => {
    await fromEventLoop(() => {
      const waits = upTo(40).map((seed) => {
        let late = 0;
        const transcript = (line: string) =>
          (late += line.includes("no answer to the hello in time") ? 1 : 0);
        const bench = new NetworkBench({ seed, transcript });
        bench.join(bench.start(1), bench.start(2));
        bench.end(2);
        bench.run(20_000);
        return late;
      });
      expect(waits.filter((late) => late > 3).length).toBeGreaterThan(2);
      expect(waits.filter((late) => late === 0).length).toBeGreaterThan(20);
    });
  });

  test("ends in the middle of a turn: nothing after that point is sent or told", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench({ weather: { duplicateChance: 1 } });
      const [one, two] = [bench.start(1), bench.start(2)];
      bench.join(one, two);
      let calls = 0;
      bench.network.onCall = (slot) => {
        if (slot !== 2) return;
        calls += 1;
        if (calls === 3) bench.end(2);
      };
      two.handler.onReceive = () => {
        for (const at of upTo(5)) two.transport.send([heartbeat(2n, 1n, BigInt(at))]);
      };
      const sent: number[] = [];
      bench.network.onSend = (slot) => sent.push(slot);
      one.transport.send([heartbeat(1n, 2n, 1n)]);
      bench.run(5_000);
      expect(calls).toBe(3);
      expect(sent).toEqual([1, 2, 2]);
      // What was handed over in the turn had not left when it ended.
      expect(one.handler.received).toEqual([]);
      expect(two.life.isOver).toBe(true);
    });
  });

  test("leaves its address to another member, which refuses what was meant for it (A14)", async () => {
    await fromEventLoop(() => {
      for (const throughCodecs of [false, true]) {
        const bench = new NetworkBench({ throughCodecs });
        const [one, two] = [bench.start(1), bench.start(2)];
        bench.join(one, two);
        bench.end(2);
        const seven = bench.start(2, { id: 7n });
        for (const at of upTo(100)) {
          one.transport.send([heartbeat(1n, 2n, BigInt(at))]);
          bench.run(50);
        }
        expect(seven.handler.received).toEqual([]);
        expect(one.handler.refusals[0]).toEqual({
          peer: 2n,
          refusal: { reason: "wrong-member", memberId: 7n },
        });
        expect(bench.world.coverage.get("peer.refused-wrong-member")).toBe(one.handler.refusals.length);
      }
    });
  });

  test("and started again is reached again, and its older streams are ended by the newer (A14)", async () => {
    await fromEventLoop(() => {
      for (let seed = 1; seed <= 20; seed++) {
        const bench = new NetworkBench({ seed });
        const [one, two] = [bench.start(1), bench.start(2)];
        bench.join(one, two);
        bench.end(2);
        const again = bench.start(2, { incarnation: 2n });
        bench.join(one, again);
        bench.run(5_000);
        // Twice where the end of the own streams was noticed before the newer incarnation arrived.
        expect(new Set(one.handler.disconnects)).toEqual(new Set([2n]));
        expect(one.handler.disconnects.length).toBeLessThanOrEqual(2);
        one.transport.send([heartbeat(1n, 2n, 1n)]);
        again.transport.send([heartbeat(2n, 1n, 2n)]);
        bench.run(100);
        expect(commitsOf(again.handler.received)).toEqual([1]);
        expect(commitsOf(one.handler.received)).toEqual([2]);
        expect(one.handler.hellos.at(-1)!.incarnation).toBe(2n);
      }
    });
  });
});

describe("a paused process", () => {
  test("gets nothing until it goes on, then everything in order", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench();
      const [one, two] = [bench.start(1), bench.start(2)];
      bench.join(one, two);
      two.life.pause();
      for (const at of upTo(50)) {
        one.transport.send([heartbeat(1n, 2n, BigInt(at))]);
        bench.run(10);
      }
      expect(two.handler.received).toEqual([]);
      two.life.resume();
      bench.run(10);
      expect(commitsOf(two.handler.received)).toEqual(upTo(50));
    });
  });

  test("for long is taken for dead; what its socket held arrives, and then the end of the connection", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench({ socketBufferBytes: 10_000 });
      const limits = { controlQueueMaxMessages: 100, writeAheadMaxBytes: 1_000 };
      const [one, two] = [bench.start(1, { limits }), bench.start(2)];
      bench.join(one, two);
      two.life.pause();
      for (const at of upTo(800)) {
        one.transport.send([heartbeat(1n, 2n, BigInt(at))]);
        bench.run(1);
      }
      expect(one.handler.unreachables).toContain(2n);
      bench.run(5_000);
      expect(one.transport.stats()[0]!.connected).toBe(false);
      expect(two.handler.received).toEqual([]);
      expect(two.handler.disconnects).toEqual([]);
      two.life.resume();
      bench.run(1);
      const received = commitsOf(two.handler.received);
      expect(received).toEqual(upTo(received.length));
      expect(received.length).toBeGreaterThan(200);
      expect(received.length).toBeLessThan(500);
      expect(two.handler.disconnects).toEqual([1n]);
      expect(one.handler.disconnects).toEqual([]);
      bench.run(5_000);
      one.transport.send([heartbeat(1n, 2n, 1n)]);
      bench.run(10);
      expect(two.handler.received.length).toBe(received.length + 1);
    });
  });
});

test("peers that are not needed any more are closed, and must be admitted anew", async () => {
  await fromEventLoop(() => {
    const bench = new NetworkBench();
    const [one, two] = [bench.start(1), bench.start(2)];
    bench.join(one, two);
    const admitted = one.handler.admitted.length;
    one.transport.setPeers([]);
    bench.run(100);
    expect(two.handler.disconnects).toEqual([1n]);
    expect(one.transport.stats()).toEqual([]);
    two.transport.send([heartbeat(2n, 1n, 1n)]);
    bench.run(2_000);
    // Its own streams were closed as well, and are admitted again because the handler says so.
    two.transport.send([heartbeat(2n, 1n, 2n)]);
    bench.run(100);
    expect(commitsOf(one.handler.received).at(-1)).toBe(2);
    expect(one.handler.admitted.length).toBe(admitted + 2);
    one.transport.send([heartbeat(1n, 2n, 3n)]);
    bench.run(100);
    expect(two.handler.received).toEqual([]);
    expect(one.handler.unreachables.at(-1)).toBe(2n);
  });
});
