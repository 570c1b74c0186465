import { describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { durationMs, expectMeaningful, seed, startFaultRun, testTimeoutMs } from "./fault-run.ts";
import { Nemesis } from "./nemesis.ts";
import { planFaults } from "./plan.ts";
import { verify } from "./verify.ts";

describe("under load and faults nothing acknowledged is lost and the history is linearizable", () => {
  it.each([3, 5])(
    "%i replicas killed, paused, restarted and cut off (A11, A19, B4, C1)",
    {
      timeout: testTimeoutMs,
    },
    async (replicas) => {
      const run = await startFaultRun(replicas);
      const nemesis = new Nemesis(run.cluster, run.log);
      try {
        await nemesis.run(planFaults({ seed, replicas, durationMs }));
      } finally {
        await run.workload.stop();
      }
      run.log("the faults are over");
      await verify(run.cluster, run.workload);
      expectMeaningful(run);
    },
  );

  it("five replicas go on while any two of them are dead", { timeout: testTimeoutMs }, async () => {
    const { cluster, workload, log } = await startFaultRun(5);
    const client = cluster.client({ timeoutMs: 15_000 });
    try {
      for (let a = 0; a < 5; a++) {
        for (let b = a + 1; b < 5; b++) {
          const victims = [cluster.replica(a), cluster.replica(b)];
          log(`kill ${victims.map(({ name }) => name).join(" and ")}`);
          await Promise.all(victims.map((victim) => victim.kill()));
          // The call that meets the leader's death may end unknown; the next passes.
          const { revision } = await eventually("a write passes", () => client.put("pair", `${a} ${b}`));
          expect((await client.get("pair")).keyValue?.modRevision).toBe(revision);
          await Promise.all(victims.map((victim) => victim.start()));
          await cluster.leader();
        }
      }
    } finally {
      await workload.stop();
    }
    await verify(cluster, workload);
  });
});
