import { execFileSync } from "node:child_process";
import { Reason } from "@rstore/proto/rstore/v1/kv";
import type { Definition } from "@rstore/replica/metrics/definition";
import { beforeEach, describe, expect, it } from "vitest";
import type { MemberStatus, ReplicatedStore } from "../api/v1alpha1/types.ts";
import { KubeError } from "../kube/kube-error.ts";
import { ReplicaCallError } from "../member/replica-error.ts";
import type { Slot } from "../plan/observation.ts";
import { libraryMetrics, operatorDefinitions } from "./definitions.ts";
import { errorLabels } from "./error-labels.ts";
import { OperatorMetrics } from "./operator-metrics.ts";
import { StoreReadings } from "./store-readings.ts";

const definitions: readonly Definition[] = operatorDefinitions.flatMap(({ metrics }) => metrics);

const startedTime = "2026-01-02T03:04:05Z";

function memberOf(slot: number, more: Partial<MemberStatus> = {}): MemberStatus {
  const id = `00000000000000a${slot}`;
  const role = slot === 0 ? "Leader" : "Follower";
  return {
    id,
    name: `s-${slot}`,
    slot,
    role,
    caughtUp: true,
    health: "Healthy",
    since: startedTime,
    ...more,
  };
}

function storeOf(name: string, more: Partial<ReplicatedStore["status"]> = {}): ReplicatedStore {
  return {
    apiVersion: "rstore.dev/v1alpha1",
    kind: "ReplicatedStore",
    metadata: { name, namespace: "prod", uid: `uid-${name}` },
    spec: { replicas: 3, paused: name === "paused" },
    status: {
      clusterId: "00000000000000c1",
      version: "0.1.0",
      replicas: 3,
      readyReplicas: 2,
      members: [memberOf(0), memberOf(1), memberOf(2, { health: "Lost" })],
      change: { kind: "DeleteClaim", reason: "", startedTime, configurationIndex: "7" },
      lastObservedTime: startedTime,
      conditions: [
        {
          type: "Available",
          status: "True",
          reason: "Serving",
          message: "",
          observedGeneration: 1,
          lastTransitionTime: startedTime,
        },
      ],
      ...more,
    },
  };
}

const slots = [
  { index: 0, claim: { lost: true }, report: { kind: "silent", since: 0 } },
  { index: 1, claim: { lost: false }, report: { kind: "member" } },
] as unknown as readonly Slot[];

let stores: ReplicatedStore[];
let readings: StoreReadings;
let metrics: OperatorMetrics;

beforeEach(() => {
  stores = [storeOf("one"), storeOf("paused")];
  readings = new StoreReadings();
  metrics = new OperatorMetrics({
    operator: () => ({
      version: "0.1.0",
      node: "26.0.0",
      leads: true,
      queueDepth: 2,
      queueActive: 1,
      lookUnderWaySeconds: 3,
      apiServerContactSeconds: 1000,
    }),
    stores: () => readings.read(stores),
  });
});

interface Line {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

async function page(): Promise<Line[]> {
  const lines = (await metrics.render()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => {
    const [, name = "", inner = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const labels = [...inner.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label, text]);
    return { name, labels: Object.fromEntries(labels) as Record<string, string>, value: Number(value) };
  });
}

async function samples(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number[]> {
  const wanted = Object.entries(labels);
  return (await page())
    .filter((line) => line.name === name && wanted.every(([label, value]) => line.labels[label] === value))
    .map(({ value }) => value);
}

const one = { namespace: "prod", store: "one" };

describe("the operator's page", () => {
  it("has every metric that is defined, and no other", async () => {
    const types = [...(await metrics.render()).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
    const named = Object.fromEntries(types.map(([, name, type]) => [name, type]));
    expect(Object.keys(named).sort()).toEqual(
      [...definitions.map(({ name }) => name), ...libraryMetrics].sort(),
    );
    for (const { name, type } of definitions) expect([name, named[name]]).toEqual([name, type]);
  });

  it("has a sample of each, once there is a change under way", async () => {
    metrics.waited(0.2);
    metrics.looked({ namespace: "prod", name: "one" });
    await metrics.timed(async () => undefined);
    const lines = await page();
    const empty = definitions.filter(({ name, type }) => {
      const full = type === "histogram" ? `${name}_count` : name;
      return !lines.some((line) => line.name === full);
    });
    expect(empty).toEqual([]);
  });

  it("has no label value beyond its bound", async () => {
    await expect(metrics.timed(() => Promise.reject(new Error("?")))).rejects.toThrow();
    metrics.stepTaken({ namespace: "prod", name: "one" }, "startSlot", false);
    const lines = await page();
    for (const { name, labels = {} } of definitions) {
      for (const line of lines.filter((candidate) => candidate.name === name)) {
        expect([name, Object.keys(line.labels).sort()]).toEqual([name, Object.keys(labels).sort()]);
        for (const [label, values] of Object.entries(labels)) {
          if (typeof values !== "string") expect(values).toContain(line.labels[label]);
          else expect([name, label, ["store", "self"].includes(values)]).toEqual([name, label, true]);
        }
      }
    }
  });

  it("is named by the convention", () => {
    for (const { name, type, help, buckets } of definitions) {
      expect(name).toMatch(/^rstore_operator_[a-z_]+$/);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      expect(help).toMatch(/\.$/);
      expect([name, buckets !== undefined]).toEqual([name, type === "histogram"]);
    }
  });

  it("is clean by Prometheus' own rules", async ({ skip }) => {
    try {
      execFileSync("promtool", ["--version"], { stdio: "ignore" });
    } catch {
      console.warn("promtool is not installed: the names were not checked by it");
      skip();
    }
    const input = await metrics.render();
    expect(execFileSync("promtool", ["check", "metrics"], { input, encoding: "utf8" })).toBe("");
  });
});

describe("a look", () => {
  it("is counted by how it ended, and why, with its time", async () => {
    await metrics.timed(async () => undefined);
    const conflict = new KubeError("conflict", "");
    await expect(metrics.timed(() => Promise.reject(conflict))).rejects.toBe(conflict);
    expect(await samples("rstore_operator_reconciles_total", { result: "ok" })).toEqual([1]);
    expect(await samples("rstore_operator_reconciles_total", { result: "error" })).toEqual([1]);
    const why = { source: "kubernetes", reason: "conflict" };
    expect(await samples("rstore_operator_reconcile_errors_total", why)).toEqual([1]);
    expect(await samples("rstore_operator_reconcile_duration_seconds_count")).toEqual([2]);
  });

  it.each([
    [new KubeError("forbidden", ""), { source: "kubernetes", reason: "forbidden" }],
    [new ReplicaCallError("", Reason.QUORUM_AT_RISK), { source: "replica", reason: "quorum-at-risk" }],
    [new ReplicaCallError("", undefined), { source: "replica", reason: "unreachable" }],
    [Object.assign(new Error(), { name: "StepOutdatedError" }), { source: "operator", reason: "outdated" }],
    [new TypeError("a bug"), { source: "operator", reason: "internal" }],
  ])("that ends with %o says so", (error, labels) => {
    expect(errorLabels(error)).toEqual(labels);
  });

  it("moves its time and what it saw; before the first, status says when it was", async () => {
    const time = "rstore_operator_store_last_look_timestamp_seconds";
    expect(await samples(time, one)).toEqual([Date.parse(startedTime) / 1000]);
    expect(await samples("rstore_operator_store_claims_lost", one)).toEqual([0]);
    readings.looked("uid-one", { now: 5_000_000, slots });
    expect(await samples(time, one)).toEqual([5000]);
    expect(await samples("rstore_operator_store_claims_lost", one)).toEqual([1]);
    const reported = "rstore_operator_store_replicas_reported";
    expect(await samples(reported, { ...one, report: "silent" })).toEqual([1]);
    expect(await samples(reported, { ...one, report: "damaged" })).toEqual([0]);
  });
});

describe("a store", () => {
  it("shows conditions, members, and the change under way since when", async () => {
    const condition = "rstore_operator_store_condition";
    expect(await samples(condition, { ...one, condition: "Available", status: "True" })).toEqual([1]);
    expect(await samples(condition, { ...one, condition: "Available", status: "Unknown" })).toEqual([0]);
    expect(await samples(condition, { ...one, condition: "Degraded", status: "Unknown" })).toEqual([1]);
    const members = "rstore_operator_store_members";
    expect(await samples(members, { ...one, role: "Follower", health: "Lost" })).toEqual([1]);
    expect(await samples(members, { ...one, role: "Leader", health: "Healthy" })).toEqual([1]);
    const under = "rstore_operator_store_change_under_way";
    expect(await samples(under, { ...one, kind: "DeleteClaim" })).toEqual([1]);
    expect(await samples(under, { ...one, kind: "Restart" })).toEqual([0]);
    const since = Date.parse(startedTime) / 1000;
    expect(await samples("rstore_operator_store_change_started_timestamp_seconds", one)).toEqual([since]);
    expect(await samples("rstore_operator_store_replicas_wanted", one)).toEqual([3]);
    expect(await samples("rstore_operator_store_replicas_ready", one)).toEqual([2]);
    expect(await samples("rstore_operator_store_paused")).toEqual([0, 1]);
  });

  it("tolerates as many failures as it has healthy voters beyond a majority; who leaves does not count", async () => {
    const tolerated = async (members: readonly MemberStatus[]) => {
      stores = [storeOf("one", { members })];
      return samples("rstore_operator_store_failures_tolerated", one);
    };
    expect(await tolerated([memberOf(0), memberOf(1), memberOf(2)])).toEqual([1]);
    expect(await tolerated([memberOf(0), memberOf(1), memberOf(2, { health: "Lost" })])).toEqual([0]);
    const alone = [memberOf(0), memberOf(1, { health: "Unknown" }), memberOf(2, { health: "Lost" })];
    expect(await tolerated(alone)).toEqual([-1]);
    expect(await tolerated([memberOf(0), memberOf(1, { role: "Leaving" })])).toEqual([0]);
    expect(await tolerated([])).toEqual([]);
  });

  it("has a series for each kind of step from the first look on, until it is gone", async () => {
    const steps = "rstore_operator_steps_total";
    const taken = { ...one, kind: "startSlot", result: "taken" };
    expect(await samples(steps, one)).toEqual([]);
    metrics.looked({ namespace: "prod", name: "one" });
    expect(await samples(steps, taken)).toEqual([0]);
    metrics.stepTaken({ namespace: "prod", name: "one" }, "startSlot", true);
    metrics.stepTaken({ namespace: "prod", name: "paused" }, "startSlot", true);
    metrics.looked({ namespace: "prod", name: "one" });
    expect(await samples(steps, taken)).toEqual([1]);
    metrics.gone({ namespace: "prod", name: "one" });
    expect(await samples(steps, one)).toEqual([]);
    expect(await samples(steps, { ...taken, store: "paused" })).toEqual([1]);
    metrics.looked({ namespace: "prod", name: "one" });
    expect(await samples(steps, taken)).toEqual([0]);
  });

  it("that nobody scraped for is forgotten, too, when it is gone", async () => {
    readings.looked("uid-one", { now: 5_000_000, slots });
    readings.gone("uid-one");
    expect(await samples("rstore_operator_store_claims_lost", one)).toEqual([0]);
  });

  it("that was deleted leaves no series, and nothing that was remembered of it", async () => {
    readings.looked("uid-one", { now: 5_000_000, slots });
    expect((await page()).filter(({ labels }) => labels.store === "one")).not.toEqual([]);
    stores = [storeOf("paused")];
    expect((await page()).filter(({ labels }) => labels.store === "one")).toEqual([]);
    stores = [storeOf("one")];
    expect(await samples("rstore_operator_store_claims_lost", one)).toEqual([0]);
  });
});
