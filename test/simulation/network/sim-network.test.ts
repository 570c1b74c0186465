import { appendEntries, heartbeat } from "@rstore/replica/transport/transport-harness";
import { describe, expect, test } from "vitest";
import { fromEventLoop } from "../world/microtasks.ts";
import { commitsOf, NetworkBench } from "./network-bench.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);

describe("an honest connection", () => {
  test.each([false, true])(
    "delivers each stream's messages once and in order (codecs: %s)",
    async (throughCodecs) => {
      await fromEventLoop(() => {
        for (let seed = 1; seed <= 10; seed++) {
          const bench = new NetworkBench({ seed, throughCodecs, weather: { latencyMeanUs: 20_000 } });
          const [one, two] = [bench.start(1), bench.start(2)];
          bench.join(one, two);
          for (const at of upTo(100)) {
            one.transport.send([
              heartbeat(1n, 2n, BigInt(at)),
              { ...appendEntries(1n, 2n, [20]), commit: BigInt(at) } as never,
            ]);
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
    },
  );
});
