import { execFileSync } from "node:child_process";
import { Health } from "@rstore/proto/grpc/health/v1/health";
import { ClusterService } from "@rstore/proto/rstore/v1/cluster";
import { KvService } from "@rstore/proto/rstore/v1/kv";
import { MaintenanceService } from "@rstore/proto/rstore/v1/maintenance";
import { replicaDefinitions } from "@rstore/replica/metrics/definitions";
import { libraryMetrics } from "@rstore/replica/metrics/definitions/process";
import { messageKinds, peerStreams } from "@rstore/replica/metrics/traffic";
import { beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import type { ReplicaProcess } from "../cluster/replica-process.ts";
import { useCluster } from "../cluster/use-cluster.ts";
import { type DefinedMetric, labelViolations } from "./check-labels.ts";
import { type Exposition, scrape } from "./exposition.ts";

const definitions: readonly DefinedMetric[] = replicaDefinitions.flatMap(({ metrics }) => metrics);

/** What is 0 in a cluster that is well, or only for a moment more. The tests of their feeds see them move. */
const mayStayZero = new Set([
  "rstore_raft_proposals_failed_total",
  "rstore_replica_problem",
  "rstore_raft_is_learner",
  "rstore_raft_configuration_joint",
  "rstore_raft_proposals_pending",
  "rstore_raft_reads_pending",
  "rstore_raft_peer_lag_entries",
  "rstore_raft_peer_inflight_bytes",
  "rstore_raft_read_index_failures_total",
  "rstore_store_compaction_pending",
  "rstore_snapshot_sends_under_way",
  "rstore_snapshot_receiving",
  "rstore_storage_log_free_bytes",
  "rstore_storage_store_free_bytes",
  "rstore_storage_overlay_bytes",
  "rstore_storage_log_flush_under_way_seconds",
  "rstore_storage_scrub_passes_total",
  "rstore_peer_queued_bytes",
  "rstore_peer_queued_messages",
  "rstore_peer_dropped_messages_total",
  "rstore_peer_refused_total",
  "rstore_peer_refusals_received_total",
  "rstore_rpc_inflight_requests",
  "rstore_rpc_inflight_bytes",
  "rstore_rpc_connections_refused_total",
  "rstore_rpc_requests_cut_off_total",
]);

const services = [KvService, ClusterService, MaintenanceService, Health];
const plainMethods = ["GetKey", "PutKey", "DeleteKey", "Status"];

function isMethod(label: string, value: string): boolean {
  const reflection = value.startsWith("grpc.reflection.") || value === "ServerReflectionInfo";
  if (reflection || services.some(({ typeName }) => label === "service" && typeName === value)) return true;
  if (label === "service") return value === "plain";
  return (
    plainMethods.includes(value) || services.some((one) => one.methods.some(({ name }) => name === value))
  );
}

describe("the metrics of three replicas after writes, an election and a snapshot", {
  timeout: 120_000,
}, () => {
  const cluster = useCluster(3, {
    settings: {
      logRetainedEntries: 10,
      compactionKeepRevisions: 50,
      flushIntervalMs: 100,
      electionTimeoutMs: 600,
    },
  });
  let pages: Exposition[];
  let memberLabels: Set<string>;

  beforeAll(async () => {
    const client = cluster().client();
    const write = async (count: number) => {
      await Promise.all(
        Array.from({ length: count }, (_, at) => client.put(`key/${at % 40}`, `value ${at}`)),
      );
    };
    await write(300);
    await (await cluster().leader()).kill();
    await write(50);
    for (const replica of cluster().replicas) if (!replica.isRunning) await replica.start();
    // So far behind that the log is gone from under it: it comes back by a snapshot.
    const behind = await cluster().follower();
    const end = (await scrape(behind.metricsUrl)).value("rstore_raft_last_index")!;
    await behind.kill();
    await eventually("the log begins after its end", async () => {
      // One after another: each is an entry of its own.
      for (let at = 0; at < 50; at++) await client.put(`key/${at % 40}`, `${at}`);
      const leader = await cluster().leader();
      return (await scrape(leader.metricsUrl)).value("rstore_raft_first_index")! > end + 1;
    });
    await behind.start();
    await cluster().expectConverged();
    await cluster().transferLeadership();
    await cluster().expectConverged();
    for (const replica of cluster().replicas) {
      await fetch(`${replica.clientUrl}/key/a`, { method: "PUT", body: "1" });
      await fetch(`${replica.clientUrl}/key/a`);
      await fetch(`${replica.clientUrl}/key/a?consistency=serializable`);
      await fetch(`${replica.clientUrl}/key/%`);
      await fetch(`${replica.clientUrl}/no-such-page-${replica.name}`);
      await fetch(`${replica.clientUrl}/rstore.v1.KvService/No${replica.name}`, { method: "POST" });
    }
    await fetch(`${behind.clientUrl}/key/${"k".repeat(3000)}`, { method: "PUT", body: "1" });
    await eventually("history was compacted", async () => {
      const leader = await cluster().leader();
      return (await scrape(leader.metricsUrl)).value("rstore_store_compactions_total")! > 0;
    });
    pages = await Promise.all(cluster().replicas.map(({ metricsUrl }) => scrape(metricsUrl)));
    const ids = await Promise.all(cluster().replicas.map((replica) => replica.memberId()));
    memberLabels = new Set([
      ...ids.map((id) => id.toString(16).padStart(16, "0")),
      ...cluster().replicas.map(({ name }) => name),
    ]);
  }, 120_000);

  it("are all that are defined, and no others", () => {
    const defined = [...definitions.map(({ name }) => name), ...libraryMetrics].sort();
    for (const page of pages) expect([...page.types.keys()].sort()).toEqual(defined);
    for (const { name, type } of definitions) expect([name, pages[0]!.types.get(name)]).toEqual([name, type]);
  });

  it("each have a sample somewhere, and moved where they should", () => {
    const unfed = definitions.filter(({ name }) => !pages.some((page) => page.of(name).length > 0));
    // A machine without a memory limit for the process has none to show.
    expect(unfed.map(({ name }) => name).filter((name) => name !== limitMetric)).toEqual([]);
    const still = definitions
      .map(({ name }) => name)
      .filter((name) => !mayStayZero.has(name) && name !== limitMetric)
      .filter((name) => pages.every((page) => page.of(name).every(({ value }) => value === 0)));
    expect(still).toEqual([]);
  });

  it("count what goes to peers and comes from them, by stream and by kind of message", () => {
    const sum = (name: string, labels: Readonly<Record<string, string>>) =>
      pages.reduce((total, page) => total + (page.value(name, labels) ?? 0), 0);
    const still = ["sent", "received"].flatMap((direction) => [
      ...peerStreams.filter((stream) => sum(`rstore_peer_${direction}_bytes_total`, { stream }) === 0),
      ...messageKinds.filter((kind) => sum(`rstore_peer_${direction}_messages_total`, { kind }) === 0),
    ]);
    expect(still).toEqual([]);
  });

  it("have no label value beyond its bound, whatever clients ask for", () => {
    for (const page of pages) {
      const self = ownValues(page);
      const violations = labelViolations(page, definitions, {
        peer: (_label, value) => memberLabels.has(value),
        method: isMethod,
        self: (_label, value) => self.has(value),
      });
      expect(violations).toEqual([]);
    }
  });

  it("say who leads, and what the leader knows of the others", () => {
    const leads = pages.map((page) => page.value("rstore_raft_is_leader"));
    expect(leads.toSorted()).toEqual([0, 0, 1]);
    const leader = pages[leads.indexOf(1)]!;
    expect(leader.of("rstore_raft_peer_active").map(({ value }) => value)).toEqual([1, 1]);
    expect(leader.value("rstore_raft_peer_state", { state: "replicate" })).toBe(2);
    expect(leader.value("rstore_raft_failures_tolerated")).toBe(1);
    expect(leader.value("rstore_raft_configuration_members", { kind: "voter" })).toBe(3);
    for (const page of pages) expect(page.value("rstore_raft_has_leader")).toBe(1);
  });

  it("show members that stand still, and what waits for them", async () => {
    const leader = await cluster().leader();
    const [first, second] = cluster().replicas.filter((replica) => replica !== leader);
    const client = cluster().client({ endpoints: [leader.clientUrl] });
    const until = (what: string, holds: (page: Exposition) => boolean) =>
      eventually(what, async () => holds(await scrape(leader.metricsUrl)));
    try {
      first!.pause();
      await until("it lags and is not active", (page) => {
        void client.put("key/a", "1").catch(() => {});
        const [active, lag] = ["rstore_raft_peer_active", "rstore_raft_peer_lag_entries"];
        return page.value(active) === 1 && page.value(lag)! > 0;
      });
      await until("one failure is not tolerated any more", (page) => {
        return page.value("rstore_raft_failures_tolerated") === 0;
      });
      second!.pause();
      const calls = Promise.allSettled([
        client.put("key/a", "2", { timeoutMs: 4_000 }),
        client.get("key/a", { timeoutMs: 4_000 }),
      ]);
      await until("calls are pending", (page) =>
        ["rstore_rpc_inflight_requests", "rstore_raft_reads_pending", "rstore_raft_proposals_pending"].every(
          (name) => page.value(name)! > 0,
        ),
      );
      await until("the leader has stepped down", (page) => {
        return page.value("rstore_replica_problem", { kind: "no-leader" }) === 1;
      });
      await calls;
      await until("they failed", (page) => {
        const failed = page.value("rstore_raft_proposals_failed_total")!;
        return failed > 0 && page.value("rstore_raft_read_index_failures_total")! > 0;
      });
    } finally {
      for (const replica of [first!, second!]) replica.resume();
    }
    await cluster().leader();
  });

  it("are clean by Prometheus' own rules", ({ skip }) => {
    if (!hasPromtool()) {
      console.warn("promtool is not installed: the names were not checked by it");
      skip();
    }
    for (const page of pages) expect(promtoolFindings(page.text)).toBe("");
  });

  it("of a member that was removed vanish", async () => {
    const [gone, ...rest] = await leaderLast(cluster().replicas);
    const id = await gone!.memberId();
    await cluster().change({ remove: [id] });
    const label = id.toString(16).padStart(16, "0");
    await eventually(
      "its series are gone",
      async () => {
        const texts = await Promise.all(rest.map(async ({ metricsUrl }) => (await scrape(metricsUrl)).text));
        return texts.every((text) => !text.includes(`peer="${label}"`));
      },
      { timeoutMs: 60_000 },
    );
  });

  async function leaderLast(replicas: readonly ReplicaProcess[]): Promise<ReplicaProcess[]> {
    const leader = await cluster().leader();
    return [...replicas.filter((replica) => replica !== leader), leader];
  }
});

const limitMetric = "rstore_process_memory_limit_bytes";

function ownValues(page: Exposition): Set<string> {
  const own = ["rstore_replica_info", "rstore_build_info"].map((name) => page.of(name));
  for (const samples of own) expect(samples).toHaveLength(1);
  return new Set(own.flatMap(([sample]) => Object.values(sample!.labels)));
}

function hasPromtool(): boolean {
  try {
    execFileSync("promtool", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function promtoolFindings(text: string): string {
  try {
    const output = execFileSync("promtool", ["check", "metrics"], { input: text, encoding: "utf8" });
    return output;
  } catch (error) {
    return String((error as { stderr?: string }).stderr ?? error);
  }
}
