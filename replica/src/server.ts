import { randomBytes } from "node:crypto";
import { assembleReplica } from "./assemble-replica.ts";
import type { Console } from "./console/console.ts";
import { diagnose } from "./diagnose.ts";
import type { FatalError } from "./errors.ts";
import type { ReplicaEvents } from "./events.ts";
import { ProcessWatch } from "./metrics/process-watch.ts";
import { Metrics } from "./metrics.ts";
import { decodeConfiguration } from "./raft/confchange/codec.ts";
import { createClientServer } from "./rpc/client-server.ts";
import { diagnosticsRoutes } from "./rpc/diagnostics-service.ts";
import { maintenanceRoutes } from "./rpc/maintenance-service.ts";
import { membershipRoutes } from "./rpc/membership-service.ts";
import { createMetricsServer } from "./rpc/metrics-server.ts";
import { RequestLog } from "./rpc/request-log.ts";
import { systemClock } from "./runtime/clock.ts";
import type { ReplicaConfig } from "./runtime/config.ts";
import { limits as runtimeLimits } from "./runtime/limits.ts";
import { Liveness } from "./runtime/liveness.ts";
import { ProblemWatch } from "./runtime/problem-watch.ts";
import { readReplica } from "./runtime/read-replica.ts";
import type { RpcLimits } from "./runtime/replica-api.ts";
import { type Serving, serveConsole } from "./serve-console.ts";
import { openDataDirectory } from "./storage/open-data-directory.ts";
import { systemMachine } from "./storage/system/system-machine.ts";
import { startTracing } from "./tracing/start-tracing.ts";
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
  log: ReplicaEvents,
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
    logFlushed: (entries) => metrics.runtime.logFlushEntries.observe(entries),
  });
  const tracing = await startTracing({ ...config, version, log });
  const peerLimits = { deadPeerMs: config.missedHeartbeats * config.heartbeatIntervalMs };
  const { lifecycle, replica, handler, transport, disk, intake } = await assembleReplica({
    directory,
    machine: systemMachine,
    config,
    clock,
    random,
    log,
    metrics: metrics.runtime,
    limits: runtimeLimits,
    version,
    tracing,
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
    services: (router) => {
      membershipRoutes(replica, { limits, log })(router);
      maintenanceRoutes(replica, { limits, log })(router);
      diagnosticsRoutes(() => diagnose({ config, api: replica, metrics, log, console: probes.console }), {
        limits,
        log,
      })(router);
    },
    logger: log,
  });
  const listen = endpoint(config.clientListen);
  const requests = new RequestLog({ intake, log, slowRequestMs: config.slowRequestMs });
  const clientServer = await createClientServer({ api: replica, limits, metrics, listen, requests, log });
  metrics.readReplica(() => readReplica({ replica, lifecycle, disk, clock, peers: transport.stats() }));
  probes.serve({ lifecycle, replica, transport });
  lifecycle.start(transport);
  const problems = new ProblemWatch({ problems: () => replica.problems(), clock, log });
  problems.start();
  const { clientListen, peerListen, metricsListen } = config;
  log.record("replica.started", {
    clientListen,
    peerListen,
    metricsListen,
    tookMs: process.uptime() * 1000,
  });
  return {
    async stop() {
      problems.stop();
      await lifecycle.stop();
      await clientServer.close();
      await transport.close();
      await peerServer.close();
      await probes.close();
      await lifecycle.close();
      await tracing?.stop();
    },
  };
}

interface Probes {
  /** From here on they say what the replica says. */
  serve(parts: Serving): void;
  readonly console: Console;
  close(): Promise<void>;
}

/** The port of metrics and probes, which answers while the disk is recovered, however long that takes (C4). */
async function startProbes(config: ReplicaConfig, metrics: Metrics, log: ReplicaEvents): Promise<Probes> {
  let serving: Serving | undefined;
  const turns = (): number | undefined =>
    serving?.lifecycle.leaving ? undefined : serving?.lifecycle.member?.loop.turns;
  const liveness = new Liveness({ clock: systemClock, turns });
  const served = serveConsole({ config, log, metrics, clock: systemClock, serving: () => serving });
  const server = await createMetricsServer({
    api: { readiness: () => serving?.replica.readiness() ?? ["opening its data directory"] },
    liveness: () => liveness.problems(),
    metrics,
    console: served.routes,
    listen: endpoint(config.metricsListen),
    log,
  });
  const watch = new ProcessWatch(version, metrics.process.eventLoopDelay);
  metrics.readProcess(() => watch.read());
  watch.start();
  liveness.start();
  return {
    console: served.console,
    serve(parts) {
      serving = parts;
    },
    close() {
      liveness.stop();
      watch.stop();
      served.close();
      return server.close();
    },
  };
}

function rpcLimits(config: ReplicaConfig): RpcLimits {
  return { ...config, defaultTimeoutMs: config.requestTimeoutMs, maxTimeoutMs: config.requestMaxTimeoutMs };
}
