import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PutOperation } from "../apply/operation.ts";
import { createLogger, type Logger } from "../log.ts";
import { decodeConfiguration } from "../raft/confchange/codec.ts";
import { openDataDirectory } from "../storage/open-data-directory.ts";
import type { DataDirectory } from "../storage/types.ts";
import type { PeerTransport } from "../transport/types.ts";
import { systemClock } from "./clock.ts";
import { loadConfig, type ReplicaConfig } from "./config.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { Lifecycle } from "./lifecycle.ts";
import { limits, type RuntimeLimits } from "./limits.ts";
import type { Member } from "./member.ts";
import { noMetrics } from "./runtime-metrics.ts";

/** Reaches nobody. */
export const silentTransport = { setPeers: () => {}, send: () => {} } as unknown as PeerTransport;

export const healthyDisk = {
  check: async () => {},
  problem: () => undefined,
  report: {},
} as unknown as DiskWatch;

export const soon = (): number => systemClock.nowMs() + 60_000;

export function anyPut(): PutOperation {
  const key = Buffer.from("k");
  return { type: "put", key, value: key, lease: 0n, previous: false, expectedModRevision: undefined };
}

interface LoneReplicaOptions {
  readonly config?: Partial<ReplicaConfig>;
  readonly limits?: Partial<RuntimeLimits>;
  readonly log?: Logger;
}

export interface LoneReplica {
  readonly directory: DataDirectory;
  readonly lifecycle: Lifecycle;
  close(): Promise<void>;
}

/** On an empty directory of its own, with the real disk and clock; of no cluster, not started. */
export async function openLoneReplica(options: LoneReplicaOptions = {}): Promise<LoneReplica> {
  const path = mkdtempSync(join(tmpdir(), "rstore-lone-"));
  const directory = await openDataDirectory(path, { randomBytes, decodeConfiguration, onFatal: () => {} });
  const lifecycle = new Lifecycle({
    directory,
    config: { ...loadConfig({ dataDir: path }, {}), ...options.config },
    clock: systemClock,
    random: () => 0.5,
    log: options.log ?? createLogger({ level: "silent", format: "json", name: "" }),
    metrics: noMetrics,
    limits: { ...limits, ...options.limits },
    disk: healthyDisk,
    failed: () => {},
  });
  return {
    directory,
    lifecycle,
    async close() {
      await lifecycle.stop();
      await lifecycle.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Founds a cluster of its own and leads it. */
export async function openLoneMember(
  options: LoneReplicaOptions = {},
): Promise<LoneReplica & { readonly member: Member }> {
  const replica = await openLoneReplica(options);
  const { lifecycle } = replica;
  lifecycle.start(silentTransport);
  await lifecycle.bootstrap(77n, lifecycle.identity().memberId);
  const member = lifecycle.expectMember();
  await member.awaitLeader(member.id, soon());
  return { ...replica, member };
}
