import { describe, expect, it } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import type { ReplicaProcess } from "../cluster/replica-process.ts";
import { randomFrom } from "../history/random.ts";
import { expectMeaningful, seed, startFaultRun, testTimeoutMs } from "./fault-run.ts";
import { Nemesis } from "./nemesis.ts";
import { planFaults } from "./plan.ts";
import { verify } from "./verify.ts";

const changeTimeoutMs = 90_000;

/** Members that left learn it, and are no longer looked at. */
async function retire(cluster: Cluster, gone: readonly ReplicaProcess[]): Promise<void> {
  for (const replica of gone) {
    await eventually(
      `${replica.name} knows that it was removed`,
      async () => (await replica.identity()).removed,
      {
        timeoutMs: 30_000,
      },
    );
    cluster.forget(replica);
    await replica.kill();
  }
}

const idsOf = (replicas: readonly ReplicaProcess[]) =>
  Promise.all(replicas.map((replica) => replica.memberId()));

describe("membership under load and faults (A1, A2, A18)", () => {
  it("grows 3 -> 5, replaces two members in one joint change, shrinks 5 -> 3", {
    timeout: testTimeoutMs,
  }, async () => {
    const run = await startFaultRun(3);
    const { cluster, workload, log } = run;
    const nemesis = new Nemesis(cluster, log);
    const random = randomFrom(seed);
    /** Faults that go on beside a change of membership; the change is repeated until it is in force. */
    const beside = async (change: Promise<unknown>): Promise<void> => {
      const steps = planFaults({ seed: Math.floor(random() * 2 ** 31), replicas: 3, durationMs: 4_000 });
      await Promise.all([change, nemesis.run(steps)]);
    };
    try {
      log("grow 3 -> 5");
      const added = [await cluster.addReplica(), await cluster.addReplica()];
      await beside(cluster.change({ add: added }, changeTimeoutMs));
      expect((await cluster.listMembers()).members).toHaveLength(5);

      log("replace two in one joint change");
      const leaving = [await cluster.leader(), await cluster.follower()];
      const replacing = [await cluster.addReplica(), await cluster.addReplica()];
      await beside(cluster.change({ add: replacing, remove: await idsOf(leaving) }, changeTimeoutMs));
      expect((await cluster.listMembers()).members).toHaveLength(5);
      await retire(cluster, leaving);

      log("shrink 5 -> 3");
      const shrunk = [await cluster.leader(), await cluster.follower()];
      await beside(cluster.change({ remove: await idsOf(shrunk) }, changeTimeoutMs));
      expect((await cluster.listMembers()).members).toHaveLength(3);
      await retire(cluster, shrunk);
      log("three are left");
    } finally {
      await workload.stop();
    }
    await verify(cluster, workload);
    expectMeaningful(run);
  });
});
