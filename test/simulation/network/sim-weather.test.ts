import type { Message } from "@rstore/replica/raft/types";
import { encodeFrame } from "@rstore/replica/transport/frame-codec";
import { appendEntries, heartbeat } from "@rstore/replica/transport/transport-harness";
import { describe, expect, test } from "vitest";
import { Coverage } from "../world/coverage.ts";
import { fromEventLoop } from "../world/microtasks.ts";
import { World } from "../world/world.ts";
import { FrameReader } from "./frame-carrier.ts";
import { type BenchMember, commitsOf, NetworkBench, upTo } from "./network-bench.ts";
import type { NetworkParts } from "./network-parts.ts";
import type { LinkWeather } from "./types.ts";

const storm = { lossChance: 0.1, duplicateChance: 0.2, reorderChance: 0.2, latencyMeanUs: 2_000 };

function counts(numbers: readonly number[]): Map<number, number> {
  const counted = new Map<number, number>();
  for (const number of numbers) counted.set(number, (counted.get(number) ?? 0) + 1);
  return counted;
}

describe("weather", () => {
  test.each([false, true])(
    "loses, repeats and reorders messages, and counts it (codecs: %s)",
    async (throughCodecs) => {
      await fromEventLoop(() => {
        const bench = new NetworkBench({ weather: storm, throughCodecs });
        const { coverage } = bench.world;
        const [one, two] = [bench.start(1), bench.start(2)];
        bench.join(one, two);
        for (const at of upTo(1_000)) {
          one.transport.send([heartbeat(1n, 2n, BigInt(at))]);
          bench.run(1);
        }
        bench.run(10_000);
        const arrived = counts(commitsOf(two.handler.received));
        const lost = 1_000 - arrived.size;
        expect(lost).toBeGreaterThan(50);
        expect(lost).toBeLessThan(150);
        expect(coverage.get("network.lost")).toBe(lost);
        const copies = [...arrived.values()].reduce((sum, count) => sum + count - 1, 0);
        expect(copies).toBeGreaterThan(100);
        expect(coverage.get("network.duplicated")).toBe(copies);
        expect(coverage.get("network.reordered")).toBeGreaterThan(100);
        expect(commitsOf(two.handler.received)).not.toEqual(
          [...commitsOf(two.handler.received)].sort((a, b) => a - b),
        );
      });
    },
  );

  test("of one direction leaves the other alone, and ends when it is told to", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench();
      const [one, two] = [bench.start(1), bench.start(2)];
      bench.join(one, two);
      const send = (): void => {
        one.transport.send([heartbeat(1n, 2n)]);
        two.transport.send([heartbeat(2n, 1n)]);
        bench.run(10);
      };
      bench.network.setLinkWeather(1, 2, { ...bench.weather, lossChance: 1 });
      bench.network.setWeather({ ...bench.weather, latencyMinUs: 100 });
      for (let at = 0; at < 50; at++) send();
      expect([two.handler.received.length, one.handler.received.length]).toEqual([0, 50]);
      bench.network.setLinkWeather(1, 2, undefined);
      for (let at = 0; at < 50; at++) send();
      expect([two.handler.received.length, one.handler.received.length]).toEqual([50, 100]);
    });
  });

  test("brings old frames after the connection is made anew, but none of an older incarnation (A14)", async () => {
    await fromEventLoop(() => {
      let replayed = 0;
      for (let seed = 1; seed <= 20; seed++) {
        const bench = new NetworkBench({ seed, weather: { duplicateChance: 1 } });
        let one = bench.start(1);
        const two = bench.start(2);
        bench.join(one, two);
        for (const at of upTo(20)) one.transport.send([heartbeat(1n, 2n, BigInt(at))]);
        bench.run(1);
        bench.network.reset(1, 2);
        bench.run(1);
        const before = two.handler.received.length;
        bench.run(1_000);
        replayed += two.handler.received.length - before;
        bench.end(1);
        one = bench.start(1, { incarnation: 2n });
        bench.join(one, two);
        one.transport.send([heartbeat(1n, 2n, 50n)]);
        bench.until("the newer one's", () => commitsOf(two.handler.received).includes(50), 5_000);
        const older = two.handler.hellos.length;
        bench.run(10_000);
        for (const hello of two.handler.hellos.slice(older)) expect(hello.incarnation).toBe(2n);
      }
      expect(replayed).toBeGreaterThan(20);
    });
  });
});

describe("corruption", () => {
  test("of a frame is noticed by its checksum, and ends the stream (C2)", async () => {
    await fromEventLoop(() => {
      let corrupted = 0;
      for (let seed = 1; seed <= 20; seed++) {
        const bench = new NetworkBench({ seed, throughCodecs: true, weather: { corruptChance: 0.1 } });
        const [one, two] = [bench.start(1), bench.start(2)];
        bench.join(one, two);
        const sent = new Map<bigint, Message>();
        for (const at of upTo(300)) {
          const message = {
            ...appendEntries(1n, 2n, [at % 50, 5_000], BigInt(at + 1)),
            commit: BigInt(at),
          } as Message;
          sent.set(BigInt(at), message);
          one.transport.send([message, heartbeat(1n, 2n, BigInt(at))]);
          bench.run(10);
        }
        bench.run(2_000);
        expect(bench.world.violation).toBeUndefined();
        const appends = two.handler.received.filter((message) => message.type === "AppendEntries");
        expect(appends.length).toBeGreaterThan(20);
        for (const append of appends) expect(append).toEqual(sent.get(append.commit));
        corrupted += bench.world.coverage.get("network.corrupted");
        expect(one.handler.unreachables.length).toBeGreaterThan(0);
        // The receiver ended the stream and said so: its process is not gone.
        expect(one.handler.disconnects).toEqual([]);
      }
      expect(corrupted).toBeGreaterThan(200);
    });
  });

  test("that a receiver took for a message would break a property", () => {
    const world = new World({ seed: 1, coverage: new Coverage(), transcript: undefined });
    const bytesOf = (message: Message): Buffer =>
      Buffer.concat(encodeFrame({ messages: [message], snapshotOffers: [], snapshotRequests: [] }).pieces);
    const hello = { from: 1n, to: 2n } as never;
    const reader = new FrameReader({ world } as NetworkParts, 10_000);
    const same = bytesOf(heartbeat(1n, 2n, 1n));
    reader.readFrames({ type: "frame-bytes", bytes: Buffer.from(same), sent: same }, hello);
    expect(world.violation).toBeUndefined();
    const other = bytesOf(heartbeat(1n, 2n, 2n));
    reader.readFrames({ type: "frame-bytes", bytes: other, sent: same }, hello);
    expect(world.violation?.property).toBe("frame-integrity");
  });
});

describe("a seed", () => {
  function run(seed: number, weather: Partial<LinkWeather>): { hash: string; received: Message[] } {
    const bench = new NetworkBench({ seed, weather, throughCodecs: true });
    const { world, network } = bench;
    const random = world.random("script");
    const members: BenchMember[] = [1, 2, 3].map((slot) => bench.start(slot));
    bench.join(...members);
    for (let step = 0; step < 500; step++) {
      const [from, to] = random.shuffle([1, 2, 3]) as [number, number];
      if (random.chance(0.05)) network.cut(from, to);
      if (random.chance(0.05)) network.healAll();
      if (random.chance(0.02)) network.reset(from, to);
      members[from - 1]!.transport.send([heartbeat(BigInt(from), BigInt(to), BigInt(step))]);
      bench.run(random.between(0, 20));
    }
    return { hash: world.traceHash, received: members.flatMap(({ handler }) => handler.received) };
  }

  test("gives the same run twice, and another seed another", async () => {
    await fromEventLoop(() => {
      const weather = { ...storm, corruptChance: 0.02 };
      const [one, same, other] = [run(1, weather), run(1, weather), run(2, weather)];
      expect(same).toEqual(one);
      expect(one.received.length).toBeGreaterThan(50);
      expect(other.hash).not.toBe(one.hash);
    });
  });
});
