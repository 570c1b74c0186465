import { expect, onTestFinished } from "vitest";
import { Cluster } from "../cluster/cluster.ts";
import type { ReplicaSettings } from "../cluster/replica-process.ts";
import { Workload } from "./workload.ts";

/** RSTORE_FAULTS_SEED repeats a plan of faults; RSTORE_FAULTS_MINUTES makes each run longer. */
export const seed = Number(process.env.RSTORE_FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));
export const durationMs = Number(process.env.RSTORE_FAULTS_MINUTES ?? 1.2) * 60_000;

/** Beyond the faults themselves: boot, catching up, and the check. */
export const testTimeoutMs = durationMs + 240_000;

/** Elections are quick, the log is short and the store is written often, so that snapshots travel. */
export const restlessSettings: ReplicaSettings = {
  heartbeatIntervalMs: 50,
  electionTimeoutMs: 500,
  logRetainedEntries: 60,
  logRetainedBytes: "64KiB",
  flushBytes: "32KiB",
  flushIntervalMs: 50,
};

export interface FaultRun {
  readonly cluster: Cluster;
  readonly workload: Workload;
  /** A line with the time since the start. */
  readonly log: (line: string) => void;
}

/** A cluster under load; on failure the plan's seed, what was done and the replicas' logs are printed. */
export async function startFaultRun(replicas: number): Promise<FaultRun> {
  const cluster = await Cluster.boot(replicas, { proxied: true, settings: restlessSettings });
  const beganMs = performance.now();
  const lines: string[] = [`repeat with RSTORE_FAULTS_SEED=${seed}`];
  const log = (line: string) => {
    lines.push(`${((performance.now() - beganMs) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  };
  console.log(lines[0]);
  onTestFinished(async ({ task }) => {
    if (task.result?.state === "fail") {
      console.error([...lines, workload.summary(), cluster.logTails(60)].join("\n"));
    }
    await cluster.dispose();
  });
  const workload = new Workload(cluster, { seed, workers: 12, clients: 3 });
  workload.start();
  return { cluster, workload, log };
}

/** The run meant something: writes were acknowledged, and replicas were brought up to date by snapshots. */
export function expectMeaningful({ cluster, workload }: FaultRun): void {
  console.log(workload.summary());
  expect(workload.acknowledged.size).toBeGreaterThan(100);
  const installed = cluster.replicas.filter((replica) => replica.log().includes("snapshot.installed"));
  expect(installed.length, "no snapshot has travelled").toBeGreaterThan(0);
}
