import { join } from "node:path";
import { rulesFile } from "@rstore/charts/render/rules";
import { fasterTiming } from "@rstore/charts/timing";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import type { ReplicaProcess } from "../cluster/replica-process.ts";
import { clusterForTest } from "../cluster/use-cluster.ts";
import { FreezableDisk, freezeMissing } from "./freezable-disk.ts";
import { Load } from "./load.ts";
import { Prometheus, prometheusMissing } from "./prometheus.ts";

const missing = prometheusMissing() ?? (await freezeMissing());
if (missing !== undefined) console.warn(missing);

const namespace = "frozen";
const patience = { timeoutMs: 60_000, intervalMs: 250 };

/** With the labels that a PodMonitor would give it. */
function targetOf({ name, metricsPort }: ReplicaProcess): object {
  const labels = { namespace, store: "disk", replica: name, pod: name };
  return { targets: [`127.0.0.1:${metricsPort}`], labels };
}

describe.skipIf(missing !== undefined)("a leader whose disk stands still", { timeout: 240_000 }, () => {
  it("hands over, raises RstoreDiskStalled, ends with code 75 and comes back (B12)", async () => {
    const cluster = await clusterForTest(0);
    const disk = new FreezableDisk();
    onTestFinished(() => disk.remove());
    const leader = await cluster.addReplica({ dataDir: join(disk.folder, "data") });
    const others = [await cluster.addReplica(), await cluster.addReplica()];
    await cluster.bootstrap(leader);
    await cluster.change({ add: others });
    expect(await cluster.leader()).toBe(leader);
    const scraped = { job_name: "rstore", static_configs: cluster.replicas.map(targetOf) };
    const prometheus = await Prometheus.start([scraped], rulesFile(fasterTiming(20, 8)));
    onTestFinished(() => prometheus.stop());
    const load = new Load(others.map(({ clientUrl }) => clientUrl));
    onTestFinished(() => load.stop());
    await eventually("writes", () => load.done > 10, patience);

    await disk.freeze();
    await eventually(
      "another one leads",
      async () => others.includes((await cluster.findLeader()) ?? leader),
      patience,
    );
    expect(leader.log()).toContain('"msgId":"disk.stalled"');
    const written = load.done;
    await eventually("writes go on", () => load.done > written + 10, patience);
    const alert = await eventually(
      "RstoreDiskStalled to fire",
      async () => (await prometheus.alerts("firing")).find(({ name }) => name === "RstoreDiskStalled"),
      patience,
    );
    expect(alert.labels).toMatchObject({ namespace, store: "disk", replica: leader.name });
    await eventually("it ends", () => leader.log().includes('"msgId":"replica.fatal"'), patience);
    expect(leader.log()).toMatch(
      /"exitCode":75,"message":"a write to \w+\/ did not reach the disk within 30 s"/,
    );

    await disk.thaw();
    expect(await leader.exit).toEqual({ code: 75, signal: null });
    await load.stop();
    await leader.start();
    await cluster.expectConverged();
  });
});
