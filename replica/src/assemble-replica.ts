import { join } from "node:path";
import type { FatalError } from "./errors.ts";
import type { Logger } from "./log.ts";
import type { Clock } from "./runtime/clock.ts";
import type { ReplicaConfig } from "./runtime/config.ts";
import { DiskRefusals } from "./runtime/disk-refusals.ts";
import { DiskWatch } from "./runtime/disk-watch.ts";
import { Lifecycle } from "./runtime/lifecycle.ts";
import type { RuntimeLimits } from "./runtime/limits.ts";
import { PeerDesk } from "./runtime/peer-desk.ts";
import { Replica } from "./runtime/replica.ts";
import { RequestIntake } from "./runtime/request-intake.ts";
import type { RuntimeMetrics } from "./runtime/runtime-metrics.ts";
import { DiskSpace } from "./storage/disk-space.ts";
import type { Machine } from "./storage/machine.types.ts";
import type { DataDirectory, StorageUsage } from "./storage/types.ts";
import type { Tracing } from "./tracing/types.ts";
import type { PeerHandler, PeerTransport } from "./transport/types.ts";

export interface AssemblyParts<Transport extends PeerTransport> {
  /** Open. The replica closes it, or another that takes its place after a reset. */
  readonly directory: DataDirectory;
  /** Of the directory. */
  readonly machine: Machine;
  readonly config: ReplicaConfig;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: RuntimeMetrics;
  readonly limits: RuntimeLimits;
  readonly version: string;
  /** Where it is missing nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** The process must end; nothing may be sent or answered any more. */
  readonly failed: (error: FatalError) => void;
  readonly createTransport: (handler: PeerHandler) => Transport;
}

export interface AssembledReplica<Transport extends PeerTransport> {
  /** Call `start(transport)` when peers and clients are served. To end: its `stop`, what serves, its `close`. */
  readonly lifecycle: Lifecycle;
  readonly replica: Replica;
  readonly handler: PeerHandler;
  readonly transport: Transport;
  readonly disk: DiskWatch;
  /** Names the requests of clients. */
  readonly intake: RequestIntake;
}

/** A replica without its ports: what a server and a simulation have in common. */
export async function assembleReplica<Transport extends PeerTransport>(
  parts: AssemblyParts<Transport>,
): Promise<AssembledReplica<Transport>> {
  const { directory, config, log } = parts;
  let usage = (): StorageUsage => directory.store.usage();
  const space = new DiskSpace({
    directory: directory.path,
    reserveFile: join(directory.path, "reserve"),
    reserveMaxBytes: config.reserveBytes,
    quotaBytes: config.quotaBytes,
    usage: () => usage(),
    machine: parts.machine,
  });
  const disk = new DiskWatch(space, log);
  const lifecycle = new Lifecycle({ ...parts, disk });
  usage = () => lifecycle.storeUsage();
  await disk.check();
  const diskRefusals = new DiskRefusals(parts.clock, parts.limits);
  const replica = new Replica({ ...parts, lifecycle, disk, diskRefusals });
  const intake = new RequestIntake(parts);
  const peerUrl = config.peerAdvertise;
  const handler = new PeerDesk({ ...parts, lifecycle, diskRefusals, intake, peerUrl });
  return { lifecycle, replica, handler, transport: parts.createTransport(handler), disk, intake };
}
