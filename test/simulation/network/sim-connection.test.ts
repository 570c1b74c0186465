import { appendEntries, heartbeat } from "@rstore/replica/transport/transport-harness";
import { describe, expect, test } from "vitest";
import { fromEventLoop } from "../world/microtasks.ts";
import { commitsOf, NetworkBench, upTo, urlOf } from "./network-bench.ts";

function ascending(numbers: readonly number[]): boolean {
  return numbers.every((number, at) => at === 0 || numbers[at - 1]! < number);
}

describe("an honest connection", () => {
  test.each([false, true])("delivers each stream once and in order (codecs: %s)", async (throughCodecs) => {
    await fromEventLoop(() => {
      for (let seed = 1; seed <= 10; seed++) {
        const bench = new NetworkBench({ seed, throughCodecs, weather: { latencyMeanUs: 20_000 } });
        const [one, two] = [bench.start(1), bench.start(2)];
        bench.join(one, two);
        for (const at of upTo(100)) {
          one.transport.send([heartbeat(1n, 2n, BigInt(at)), append(at)]);
          bench.run(1);
        }
        bench.run(2_000);
        expect(commitsOf(two.handler.received)).toEqual(upTo(100));
        expect(commitsOf(two.handler.received, "AppendEntries")).toEqual(upTo(100));
        expect(two.handler.hellos.every(({ from, to }) => from === 1n && to === 2n)).toBe(true);
        expect(one.handler.unreachables).toEqual([]);
        expect(bench.world.coverage.get("network.through-codecs") > 0).toBe(throughCodecs);
      }
    });
  });

  test("that is cut, reset and made anew still repeats and reorders nothing", async () => {
    await fromEventLoop(() => {
      for (let seed = 1; seed <= 20; seed++) {
        const bench = new NetworkBench({ seed });
        const { world, network } = bench;
        const [one, two] = [bench.start(1), bench.start(2)];
        const random = world.random("script");
        bench.join(one, two);
        for (const at of upTo(2_000)) {
          if (random.chance(0.01)) network.cut(1, 2);
          if (random.chance(0.01)) network.cut(2, 1);
          if (random.chance(0.005)) network.healAll();
          if (random.chance(0.003)) network.reset(1, 2);
          one.transport.send([heartbeat(1n, 2n, BigInt(at)), append(at)]);
          bench.run(3);
        }
        const heartbeats = commitsOf(two.handler.received);
        expect(heartbeats.length).toBeGreaterThan(100);
        expect(ascending(heartbeats)).toBe(true);
        expect(ascending(commitsOf(two.handler.received, "AppendEntries"))).toBe(true);
        expect(world.coverage.get("network.duplicated")).toBe(0);
        expect(world.coverage.get("network.reordered")).toBe(0);
      }
    });
  });

  test("messages of one turn arrive together, small ones before an append that is large", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench({ weather: { bytesPerSecond: 100_000 } });
      const [one, two] = [bench.start(1), bench.start(2)];
      bench.join(one, two);
      let calls = 0;
      two.handler.onReceive = () => calls++;
      one.transport.send([appendEntries(1n, 2n, [100_000])]);
      for (const at of upTo(50)) one.transport.send([heartbeat(1n, 2n, BigInt(at))]);
      bench.run(500);
      expect(calls).toBe(1);
      expect(commitsOf(two.handler.received)).toEqual(upTo(50));
      bench.run(1_000);
      expect(calls).toBe(2);
      expect(bench.world.coverage.get("network.throttled")).toBe(0);
    });
  });

  test("hands over messages that nobody may change", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench();
      const [one, two] = [bench.start(1), bench.start(2)];
      bench.join(one, two);
      const message = appendEntries(1n, 2n, [10]);
      one.transport.send([message]);
      bench.run(100);
      expect(two.handler.received).toEqual([message]);
      expect(() => Object.assign(two.handler.received[0]!, { term: 9n })).toThrow(TypeError);
      expect(() => Reflect.get(two.handler.received[0]!, "entries").pop()).toThrow(TypeError);
    });
  });

  test("is reset: both ends hear of it once, and dial again", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench();
      const [one, two] = [bench.start(1), bench.start(2)];
      bench.join(one, two);
      bench.network.reset(1, 2);
      bench.run(1_000);
      expect([one.handler.disconnects, two.handler.disconnects]).toEqual([[2n], [1n]]);
      expect(one.handler.unreachables).toContain(2n);
      expect(bench.world.coverage.get("network.connection-reset")).toBeGreaterThan(0);
      one.transport.send([heartbeat(1n, 2n, 5n)]);
      bench.run(100);
      expect(commitsOf(two.handler.received)).toEqual([5]);
    });
  });
});

describe("throttling", () => {
  test("bounds the rate, holds what fits, and drops the rest with a report", async () => {
    await fromEventLoop(() => {
      const bytesPerSecond = 50_000;
      const bench = new NetworkBench({ weather: { bytesPerSecond }, socketBufferBytes: 20_000 });
      const limits = { writeAheadMaxBytes: 10_000, bulkQueueMaxBytes: 20_000 };
      const [one, two] = [bench.start(1, { limits }), bench.start(2)];
      bench.join(one, two);
      for (const at of upTo(400)) {
        one.transport.send([append(at, 1_000)]);
        bench.run(1);
        expect(one.transport.stats()[0]!.queuedBytes.bulk).toBeLessThan(51_000);
      }
      const secondsSoFar = 0.4;
      const bytes = commitsOf(two.handler.received, "AppendEntries").length * 1_000;
      expect(bytes).toBeLessThan(bytesPerSecond * secondsSoFar);
      expect(bytes).toBeGreaterThan((bytesPerSecond * secondsSoFar) / 2);
      expect(one.handler.unreachables).toContain(2n);
      bench.run(5_000);
      const all = commitsOf(two.handler.received, "AppendEntries");
      expect(ascending(all)).toBe(true);
      expect(all.length).toBeLessThan(100);
      expect(one.transport.stats()[0]!.messagesDropped).toBe(400 - all.length);
      expect(bench.world.coverage.get("network.throttled")).toBeGreaterThan(0);
    });
  });
});

describe("a cut", () => {
  test("lets nothing through in its direction, whatever else happens (C1)", async () => {
    await fromEventLoop(() => {
      let received = 0;
      for (let seed = 1; seed <= 20; seed++) {
        const weather = { lossChance: 0.05, duplicateChance: 0.1, reorderChance: 0.1, latencyMeanUs: 5_000 };
        const bench = new NetworkBench({ seed, weather });
        const { world, network } = bench;
        const random = world.random("script");
        const members = [1, 2, 3].map((slot) => bench.start(slot));
        bench.join(...members);
        for (const { slot, handler } of members) {
          handler.onReceive = (messages) => {
            received += messages.length;
            for (const { from } of messages) expect(network.isCut(Number(from), slot)).toBe(false);
          };
        }
        for (let step = 0; step < 1_000; step++) {
          const [from, to] = random.shuffle([1, 2, 3]) as [number, number, number];
          if (random.chance(0.2)) network.cut(from, to);
          if (random.chance(0.2)) network.heal(from, to);
          bench.members.get(from)!.transport.send([heartbeat(BigInt(from), BigInt(to), BigInt(step))]);
          bench.run(random.between(0, 20));
        }
      }
      expect(received).toBeGreaterThan(500);
    });
  });

  test("of both directions ends the streams within the time of a dead peer; they come back after it", async () => {
    await fromEventLoop(() => {
      for (let seed = 1; seed <= 20; seed++) {
        const bench = new NetworkBench({ seed });
        const [one, two] = [bench.start(1), bench.start(2)];
        bench.join(one, two);
        bench.network.cut(1, 2);
        bench.network.cut(2, 1);
        bench.run(20_000);
        // Pings that get through a cut keep a connection open.
        const noticed = !one.transport.stats()[0]!.connected;
        if (noticed) expect(one.handler.unreachables.length).toBeGreaterThan(0);
        expect(one.handler.disconnects).toEqual([]);
        bench.network.healAll();
        bench.run(10_000);
        one.transport.send([heartbeat(1n, 2n, 7n)]);
        bench.run(100);
        expect(commitsOf(two.handler.received)).toContain(7);
      }
    });
  });

  test("of one direction is noticed late or never, and then the other direction goes on", async () => {
    await fromEventLoop(() => {
      let noticed = 0;
      let unnoticed = 0;
      for (let seed = 1; seed <= 40; seed++) {
        const bench = new NetworkBench({ seed });
        const [one, two] = [bench.start(1), bench.start(2)];
        bench.join(one, two);
        bench.network.cut(1, 2);
        bench.run(500);
        expect(two.transport.stats()[0]!.connected).toBe(true);
        bench.run(5_000);
        if (!two.transport.stats()[0]!.connected) noticed += 1;
        else {
          unnoticed += 1;
          two.transport.send([heartbeat(2n, 1n, 3n)]);
          bench.run(100);
          expect(commitsOf(one.handler.received)).toContain(3);
        }
      }
      expect(noticed).toBeGreaterThan(10);
      expect(unnoticed).toBeGreaterThan(3);
    });
  });

  test("that is short loses nothing or breaks the connection", async () => {
    await fromEventLoop(() => {
      let late = 0;
      for (let seed = 1; seed <= 30; seed++) {
        const bench = new NetworkBench({ seed });
        const [one, two] = [bench.start(1), bench.start(2)];
        bench.join(one, two);
        bench.network.cut(1, 2);
        one.transport.send([heartbeat(1n, 2n, 1n)]);
        bench.run(200);
        expect(two.handler.received).toEqual([]);
        bench.network.heal(1, 2);
        bench.run(3_000);
        if (commitsOf(two.handler.received).length === 1) late += 1;
        else expect(one.handler.disconnects).toEqual([2n]);
      }
      expect(late).toBeGreaterThan(5);
      expect(late).toBeLessThan(30);
    });
  });
});

test("an address that nobody has is dialled for ever, with backoff, and drops are reported", async () => {
  await fromEventLoop(() => {
    const bench = new NetworkBench();
    const one = bench.start(1);
    one.transport.setPeers([
      { memberId: 2n, peerUrl: urlOf(2) },
      { memberId: 3n, peerUrl: "http://nowhere:1" },
    ]);
    one.transport.send([heartbeat(1n, 2n), heartbeat(1n, 3n), heartbeat(1n, 4n)]);
    bench.run(30_000);
    expect([...new Set(one.handler.unreachables)].sort()).toEqual([2n, 3n, 4n]);
    expect(one.handler.disconnects).toEqual([]);
    const two = bench.start(2);
    bench.run(5_000);
    one.transport.send([heartbeat(1n, 2n, 9n)]);
    bench.run(100);
    expect(commitsOf(two.handler.received)).toEqual([9]);
  });
});

function append(commit: number, sizeBytes = 20): ReturnType<typeof appendEntries> {
  return { ...appendEntries(1n, 2n, [sizeBytes]), commit: BigInt(commit) } as ReturnType<
    typeof appendEntries
  >;
}
