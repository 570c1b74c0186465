import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLogger } from "../log.ts";
import { decodeConfiguration } from "../raft/confchange/codec.ts";
import { openDataDirectory } from "../storage/open-data-directory.ts";
import type { DataDirectory } from "../storage/types.ts";
import type { PeerTransport } from "../transport/types.ts";
import { systemClock } from "./clock.ts";
import { loadConfig } from "./config.ts";
import { DiskRefusals } from "./disk-refusals.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { Lifecycle } from "./lifecycle.ts";
import { limits } from "./limits.ts";
import { Replica } from "./replica.ts";
import { noMetrics } from "./runtime-metrics.ts";

const clusterId = 77n;

const transport: PeerTransport = {
  setPeers: () => {},
  send: () => {},
  offerSnapshot: () => {},
  requestSnapshot: () => {},
  fetchSnapshot: () => {
    throw new Error("nothing is fetched here");
  },
  forward: () => Promise.reject(new Error("nothing is forwarded here")),
  stats: () => [],
  close: () => Promise.resolve(),
};

const disk = {
  report: { state: "ok" },
  check: () => Promise.resolve(),
  problem: () => undefined,
} as unknown as DiskWatch;

describe("what a replica is", () => {
  let path: string;
  let directory: DataDirectory;
  let lifecycle: Lifecycle;
  const failures: unknown[] = [];

  beforeEach(async () => {
    failures.length = 0;
    path = mkdtempSync(join(tmpdir(), "rstore-lifecycle-"));
    directory = await openDataDirectory(path, {
      randomBytes,
      decodeConfiguration,
      onFatal: (error) => failures.push(error),
    });
    lifecycle = new Lifecycle({
      directory,
      config: loadConfig({ dataDir: path }, {}),
      clock: systemClock,
      random: () => 0.5,
      log: createLogger({ level: "silent", format: "json", name: "" }),
      metrics: noMetrics,
      limits,
      disk,
      failed: (error) => failures.push(error),
    });
  });

  afterEach(async () => {
    await lifecycle.stop();
    await lifecycle.close();
    rmSync(path, { recursive: true, force: true });
  });

  const memberId = (): bigint => lifecycle.identity().memberId;

  test("readiness: blank, serving also on a full disk (B11), removed, each as it is (C4)", async () => {
    const parts = {
      lifecycle,
      config: loadConfig({ dataDir: path }, {}),
      version: "",
      clock: systemClock,
      limits,
      diskRefusals: new DiskRefusals(systemClock, limits),
    };
    const full = { report: { state: "full" }, problem: () => "the disk is almost full" };
    const replica = new Replica({ ...parts, disk: full as unknown as DiskWatch });
    lifecycle.start(transport);
    expect(replica.readiness()).toEqual(["not initialised: belongs to no cluster"]);
    await lifecycle.bootstrap(clusterId, memberId());
    await expect.poll(() => replica.readiness()).toEqual([]);
    expect(replica.status().problems).toEqual(["the disk is almost full"]);
    lifecycle.removedAt(5n);
    expect(replica.readiness()).toEqual(["removed from the cluster"]);
  });

  test("a replica that was asked to stop is not ready at once, while it hands over", async () => {
    const parts = {
      lifecycle,
      config: loadConfig({ dataDir: path }, {}),
      version: "",
      clock: systemClock,
      limits,
      diskRefusals: new DiskRefusals(systemClock, limits),
    };
    const replica = new Replica({ ...parts, disk });
    lifecycle.start(transport);
    await lifecycle.bootstrap(clusterId, memberId());
    await expect.poll(() => replica.readiness()).toEqual([]);
    const stopped = lifecycle.stop();
    expect(lifecycle.stopping, "it still serves").toBe(false);
    expect(replica.readiness()).toEqual(["stopping"]);
    await stopped;
  });

  test("a replica that was made the leader while it stopped hands leadership over again", async () => {
    lifecycle.start(transport);
    await lifecycle.bootstrap(clusterId, memberId());
    const member = lifecycle.expectMember();
    const steps: string[] = [];
    for (const step of ["handOver", "drain", "stop"] as const) {
      const real = member[step].bind(member) as (...args: unknown[]) => Promise<void>;
      vi.spyOn(member, step).mockImplementation((...args: unknown[]) => {
        steps.push(step);
        return real(...args);
      });
    }
    await lifecycle.stop();
    expect(steps).toEqual(["handOver", "drain", "handOver", "stop"]);
  });

  test("bootstrap asked again never wakes a member that was removed", async () => {
    lifecycle.start(transport);
    await lifecycle.bootstrap(clusterId, memberId());
    expect(lifecycle.member).toBeDefined();
    lifecycle.removedAt(5n);
    await expect.poll(() => lifecycle.isRemoved).toBe(true);
    await lifecycle.bootstrap(clusterId, memberId()).catch(() => {});
    expect(lifecycle.member, "a removed member stays quiet").toBeUndefined();
  });

  test("bootstrap of a removed member says that it is removed", async () => {
    lifecycle.start(transport);
    await lifecycle.bootstrap(clusterId, memberId());
    lifecycle.removedAt(5n);
    await expect(lifecycle.bootstrap(clusterId, memberId())).rejects.toMatchObject({
      reason: "member-removed",
    });
    await expect.poll(() => lifecycle.isRemoved).toBe(true);
  });

  test("of two foundings at once with different ids only one is confirmed (B3)", async () => {
    lifecycle.start(transport);
    const asked = [lifecycle.bootstrap(clusterId, memberId()), lifecycle.bootstrap(99n, memberId())];
    const answers = await Promise.allSettled(asked);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(lifecycle.identity().clusterId).toBe(clusterId);
  });

  test("a leader that calls while a cluster is founded here is not joined (B3)", async () => {
    lifecycle.start(transport);
    const founded = lifecycle.bootstrap(clusterId, memberId());
    lifecycle.join(99n, { memberId: 5n, peerUrl: "http://127.0.0.1:7301" });
    await founded;
    await new Promise((resolve) => setImmediate(resolve));
    expect(lifecycle.identity().clusterId).toBe(clusterId);
    expect(failures).toEqual([]);
  });

  test("a replica that joins founds no cluster beside it (B3)", async () => {
    lifecycle.start(transport);
    lifecycle.join(99n, { memberId: 5n, peerUrl: "http://127.0.0.1:7301" });
    await expect(lifecycle.bootstrap(clusterId, memberId())).rejects.toMatchObject({
      reason: "wrong-cluster",
    });
    expect(lifecycle.identity().clusterId).toBe(99n);
  });

  test("a reset asked for twice at once is done once", async () => {
    lifecycle.start(transport);
    const id = memberId();
    await lifecycle.bootstrap(clusterId, id);
    const answers = await Promise.allSettled([
      lifecycle.reset(clusterId, id, 5n),
      lifecycle.reset(clusterId, id, 5n),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(lifecycle.identity()).toMatchObject({ clusterId: 0n });
    expect(failures).toEqual([]);
  });

  test("a blank disk whose id was removed draws a new one, and belongs to nobody (A7)", async () => {
    lifecycle.start(transport);
    const id = memberId();
    await expect(lifecycle.reset(clusterId, id, 0n)).rejects.toMatchObject({ reason: "invalid-argument" });
    await expect(lifecycle.reset(clusterId, id + 1n, 5n)).rejects.toMatchObject({ reason: "wrong-member" });
    const answer = await lifecycle.reset(clusterId, id, 5n);
    expect(answer.memberId).not.toBe(id);
    expect(lifecycle.identity()).toMatchObject({
      ...answer,
      clusterId: 0n,
      incarnation: 1n,
      removedIndex: undefined,
    });
    // It serves whoever calls it by its new id, of any cluster.
    await lifecycle.bootstrap(99n, answer.memberId);
    expect(lifecycle.identity().clusterId).toBe(99n);
    await expect(lifecycle.reset(clusterId, answer.memberId, 5n)).rejects.toMatchObject({
      reason: "wrong-cluster",
    });
    expect(failures).toEqual([]);
  });

  test("a leader that calls while a blank disk draws a new id is not joined under the old one (A14)", async () => {
    lifecycle.start(transport);
    const reset = lifecycle.reset(clusterId, memberId(), 5n);
    lifecycle.join(clusterId, { memberId: 5n, peerUrl: "http://127.0.0.1:7301" });
    await reset;
    expect(lifecycle.identity().clusterId).toBe(0n);
    expect(lifecycle.member).toBeUndefined();
    expect(failures).toEqual([]);
  });

  test("nothing starts a member before the transport is there", async () => {
    lifecycle.join(clusterId, { memberId: 5n, peerUrl: "http://127.0.0.1:7301" });
    await expect(lifecycle.bootstrap(clusterId, memberId())).rejects.toMatchObject({ reason: "not-ready" });
    expect(lifecycle.member).toBeUndefined();
    expect(failures).toEqual([]);
    lifecycle.start(transport);
  });
});
