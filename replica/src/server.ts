import { randomBytes } from "node:crypto";
import { assembleReplica } from "./assemble-replica.ts";
import type { FatalError } from "./errors.ts";
import type { Logger } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { decodeConfiguration } from "./raft/confchange/codec.ts";
import { createClientServer } from "./rpc/client-server.ts";
import { membershipRoutes } from "./rpc/membership-service.ts";
import { createMetricsServer } from "./rpc/metrics-server.ts";
import { systemClock } from "./runtime/clock.ts";
import type { ReplicaConfig } from "./runtime/config.ts";
import type { Lifecycle } from "./runtime/lifecycle.ts";
import { limits as runtimeLimits } from "./runtime/limits.ts";
import { Liveness } from "./runtime/liveness.ts";
import type { Replica } from "./runtime/replica.ts";
import type { RpcLimits } from "./runtime/replica-api.ts";
import { openDataDirectory } from "./storage/open-data-directory.ts";
import { systemMachine } from "./storage/system/system-machine.ts";
import { createPeerServer } from "./transport/peer-server.ts";
import { createPeerTransport } from "./transport/peer-transport.ts";
import { version } from "./version.ts";

/** Recent entries in memory: followers that are further behind are served from the disk. */
const LOG_CACHE_MAX_BYTES = 16 * 1024 * 1024;

export interface RunningReplica {
  /** Hands leadership over, lets requests under way finish, writes everything to the disk. */
  stop(): Promise<void>;
}

function endpoint(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}

/** Puts a replica together from its parts: disk, runtime, transport, and the three ports. */
export async function startReplica(
  config: ReplicaConfig,
  log: Logger,
  failed: (error: FatalError) => void,
): Promise<RunningReplica> {
  const clock = systemClock;
  const random = Math.random;
  const metrics = new Metrics();
  const probes = await startProbes(config, metrics, log);
  const directory = await openDataDirectory(config.dataDir, {
    machine: systemMachine,
    randomBytes,
    decodeConfiguration,
    onFatal: failed,
    commitDeadlineMs: config.diskDeadlineMs,
    logCacheMaxBytes: LOG_CACHE_MAX_BYTES,
  });
  const peerLimits = { deadPeerMs: config.missedHeartbeats * config.heartbeatIntervalMs };
  const { lifecycle, replica, handler, transport } = await assembleReplica({
    directory,
    machine: systemMachine,
    config,
    clock,
    random,
    log,
    metrics,
    limits: runtimeLimits,
    version,
    failed,
    createTransport: (peerHandler) =>
      createPeerTransport({ handler: peerHandler, clock, random, logger: log, limits: peerLimits }),
  });
  const limits = rpcLimits(config);
  const peerServer = await createPeerServer({
    handler,
    links: transport.links,
    clock,
    listen: endpoint(config.peerListen),
    limits: peerLimits,
    services: membershipRoutes(replica, { limits, log }),
    logger: log,
  });
  const listen = endpoint(config.clientListen);
  const clientServer = await createClientServer({ api: replica, limits, metrics, listen, log });
  metrics.readReplica(() => ({
    state: replica.answerState(),
    status: replica.status(),
    ready: replica.readiness().length === 0,
    proposalsPending: replica.proposalsPending,
    peers: transport.stats(),
  }));
  probes.serve(lifecycle, replica);
  lifecycle.start(transport);
  return {
    async stop() {
      await lifecycle.stop();
      await clientServer.close();
      await transport.close();
      await peerServer.close();
      await probes.close();
      await lifecycle.close();
    },
  };
}

interface Probes {
  /** From here on they say what the replica says. */
  serve(lifecycle: Lifecycle, replica: Replica): void;
  close(): Promise<void>;
}

/** The port of metrics and probes, which answers while the disk is recovered, however long that takes (C4). */
async function startProbes(config: ReplicaConfig, metrics: Metrics, log: Logger): Promise<Probes> {
  let serving: { readonly lifecycle: Lifecycle; readonly replica: Replica } | undefined;
  const turns = (): number | undefined =>
    serving?.lifecycle.leaving ? undefined : serving?.lifecycle.member?.loop.turns;
  const liveness = new Liveness({ clock: systemClock, turns });
  const server = await createMetricsServer({
    api: { readiness: () => serving?.replica.readiness() ?? ["opening its data directory"] },
    liveness: () => liveness.problems(),
    metrics,
    listen: endpoint(config.metricsListen),
    log,
  });
  liveness.start();
  return {
    serve(lifecycle, replica) {
      serving = { lifecycle, replica };
    },
    close() {
      liveness.stop();
      return server.close();
    },
  };
}

function rpcLimits(config: ReplicaConfig): RpcLimits {
  return { ...config, defaultTimeoutMs: config.requestTimeoutMs, maxTimeoutMs: config.requestMaxTimeoutMs };
}
