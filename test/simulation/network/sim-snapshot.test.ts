import { PeerError } from "@rstore/replica/transport/peer-error";
import { chunksOf } from "@rstore/replica/transport/transport-harness";
import type { SnapshotOffer } from "@rstore/replica/transport/types";
import { describe, expect, test } from "vitest";
import { fromEventLoop } from "../world/microtasks.ts";
import { type BenchMember, NetworkBench, urlOf } from "./network-bench.ts";

const file = Uint8Array.from({ length: 50_000 }, (_, at) => (at * 7) & 0xff);

interface Fetched {
  readonly bytes: number[];
  done: boolean;
  error: unknown;
}

/** Fetches like the runtime: the caller sees what has arrived so far. */
function fetch(from: BenchMember, offset = 0, snapshotId = "s1"): Fetched {
  const fetched: Fetched = { bytes: [], done: false, error: undefined };
  void (async () => {
    try {
      for await (const { data } of from.transport.fetchSnapshot(2n, snapshotId, offset))
        fetched.bytes.push(...data);
      fetched.done = true;
    } catch (error) {
      fetched.error = error;
    }
  })();
  return fetched;
}

function pair(options?: ConstructorParameters<typeof NetworkBench>[0]): {
  bench: NetworkBench;
  one: BenchMember;
  two: BenchMember;
} {
  const bench = new NetworkBench(options);
  const limits = { snapshotResumeMs: 5_000, snapshotsMax: 2, stallTimeoutMs: 2_000 };
  const [one, two] = [bench.start(1), bench.start(2, { limits })];
  two.handler.onReadSnapshot = (id, offset) => (id === "s1" ? chunksOf(file, offset, 1_000) : undefined);
  bench.join(one, two);
  return { bench, one, two };
}

function codeOf({ error }: Fetched): string | undefined {
  return error instanceof PeerError ? error.code : undefined;
}

describe("a snapshot", () => {
  test.each([false, true])("is fetched whole, and its sender is told (codecs: %s)", async (throughCodecs) => {
    await fromEventLoop(() => {
      const { bench, one, two } = pair({ throughCodecs });
      const fetched = fetch(one);
      bench.run(2_000);
      expect(fetched.done).toBe(true);
      expect(Uint8Array.from(fetched.bytes)).toEqual(file);
      expect(two.handler.fetched).toEqual([{ peer: 1n, ok: true }]);
    });
  });

  test("whose connection breaks is resumed from where it was, and its sender learns of the end only", async () => {
    await fromEventLoop(() => {
      const { bench, one, two } = pair({ weather: { bytesPerSecond: 50_000 }, socketBufferBytes: 4_000 });
      const first = fetch(one);
      bench.run(300);
      bench.network.reset(1, 2);
      bench.run(100);
      expect(codeOf(first)).toBe("unreachable");
      expect(first.bytes.length).toBeGreaterThan(1_000);
      expect(first.bytes.length).toBeLessThan(30_000);
      const second = fetch(one, first.bytes.length);
      bench.run(10_000);
      expect(Uint8Array.from([...first.bytes, ...second.bytes])).toEqual(file);
      expect(two.handler.fetched).toEqual([{ peer: 1n, ok: true }]);
      expect(bench.world.coverage.get("snapshot.resumed")).toBe(1);
    });
  });

  test("is given up when nobody comes back", async () => {
    await fromEventLoop(() => {
      for (let seed = 1; seed <= 20; seed++) {
        const { bench, one, two } = pair({ seed, weather: { bytesPerSecond: 50_000 } });
        fetch(one);
        bench.run(100);
        bench.end(1);
        bench.run(4_000);
        expect(two.handler.fetched).toEqual([]);
        bench.run(6_000);
        expect(two.handler.fetched).toEqual([{ peer: 1n, ok: false }]);
      }
    });
  });

  test("breaks off for loss, and its corruption is noticed; what arrived is right (C2)", async () => {
    await fromEventLoop(() => {
      let errors = 0;
      for (let seed = 1; seed <= 10; seed++) {
        const weather = { lossChance: 0.02, corruptChance: 0.03 };
        const { bench, one, two } = pair({ seed, throughCodecs: true, weather });
        const bytes: number[] = [];
        while (bytes.length < file.length) {
          const fetched = fetch(one, bytes.length);
          bench.until("an end", () => fetched.done || fetched.error !== undefined);
          bytes.push(...fetched.bytes);
          if (fetched.error === undefined) continue;
          errors += 1;
          expect(["checksum", "malformed", "too-large", "unreachable", "timeout", "refused"]).toContain(
            codeOf(fetched),
          );
        }
        expect(Uint8Array.from(bytes)).toEqual(file);
        expect(bench.world.violation).toBeUndefined();
        bench.run(100);
        expect(two.handler.fetched.filter(({ ok }) => ok).length).toBe(1);
      }
      expect(errors).toBeGreaterThan(10);
    });
  });

  test("that is gone, refused, or one too many is an error that says so", async () => {
    await fromEventLoop(() => {
      const { bench, one, two } = pair({ weather: { bytesPerSecond: 20_000 } });
      const gone = fetch(one, 0, "s2");
      bench.run(200);
      expect(codeOf(gone)).toBe("not-found");
      const three = [fetch(one), fetch(one), fetch(one)];
      bench.run(200);
      expect(three.filter((fetched) => codeOf(fetched) === "exhausted").length).toBe(1);
      bench.run(60_000);
      two.handler.refuse = () => ({ reason: "stale-disk", message: "an old copy" });
      const refused = fetch(one);
      bench.run(200);
      expect(codeOf(refused)).toBe("refused");
      expect(one.handler.refusals.at(-1)!.refusal.reason).toBe("stale-disk");
      expect(bench.world.coverage.get("peer.refused-stale-disk")).toBe(1);
    });
  });

  test("that nobody reads is not read from the disk ahead of its reader", async () => {
    await fromEventLoop(() => {
      const bench = new NetworkBench({ socketBufferBytes: 5_000 });
      const [one, two] = [bench.start(1), bench.start(2)];
      let readBytes = 0;
      two.handler.onReadSnapshot = async function* (_id, offset) {
        for await (const chunk of chunksOf(file, offset, 1_000)) {
          readBytes += chunk.data.length;
          yield chunk;
        }
      };
      bench.join(one, two);
      const iterator = one.transport.fetchSnapshot(2n, "s1", 0)[Symbol.asyncIterator]();
      void iterator.next();
      bench.run(2_000);
      expect(readBytes).toBeGreaterThan(1_000);
      expect(readBytes).toBeLessThan(8_000);
      void iterator.return?.();
      bench.run(20_000);
      expect(two.handler.fetched).toEqual([{ peer: 1n, ok: false }]);
    });
  });
});

test("offers and requests reach the peer, as part of its stream", async () => {
  await fromEventLoop(() => {
    for (const throughCodecs of [false, true]) {
      const { bench, one, two } = pair({ throughCodecs });
      const configuration = {
        voters: [1n],
        outgoing: [],
        learners: [2n],
        learnersNext: [],
        context: Uint8Array.of(1),
      };
      const offer: SnapshotOffer = {
        from: 1n,
        to: 2n,
        term: 3n,
        snapshot: { index: 9n, term: 3n, configuration: { index: 2n, configuration } },
        snapshotId: "s1",
        sizeBytes: 500,
        checksum: Uint8Array.of(1, 2),
      };
      one.transport.offerSnapshot(offer);
      two.transport.requestSnapshot({ from: 2n, to: 1n, minIndex: 4n });
      bench.run(100);
      expect(two.handler.offers).toEqual([offer]);
      expect(one.handler.requests).toEqual([{ from: 2n, to: 1n, minIndex: 4n }]);
      one.transport.setPeers([{ memberId: 7n, peerUrl: urlOf(2) }]);
      one.transport.offerSnapshot({ ...offer, to: 7n });
      bench.run(1_000);
      expect(two.handler.offers.length).toBe(1);
      expect(one.handler.refusals.at(-1)!.refusal.reason).toBe("wrong-member");
    }
  });
});
