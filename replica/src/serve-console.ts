import { Console } from "./console/console.ts";
import type { ConsoleReading } from "./console/console-members.ts";
import { ConsoleRoutes } from "./console/console-routes.ts";
import type { Buckets, Counters } from "./console/history.ts";
import type { ReplicaEvents } from "./events.ts";
import type { Metrics } from "./metrics.ts";
import { StatusClient } from "./rpc/status-client.ts";
import type { Clock } from "./runtime/clock.ts";
import type { ReplicaConfig } from "./runtime/config.ts";
import type { Lifecycle } from "./runtime/lifecycle.ts";
import type { Replica } from "./runtime/replica.ts";
import type { PeerTransport } from "./transport/types.ts";
import { version } from "./version.ts";

/** What a replica consists of once it serves. */
export interface Serving {
  readonly lifecycle: Lifecycle;
  readonly replica: Replica;
  readonly transport: PeerTransport;
}

interface ConsoleSources {
  readonly config: ReplicaConfig;
  readonly log: Pick<ReplicaEvents, "recent">;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly serving: () => Serving | undefined;
}

export interface ServedConsole {
  readonly console: Console;
  readonly routes: ConsoleRoutes;
  close(): void;
}

/** The console over the parts of a replica, also while there are none yet. */
export function serveConsole({ config, log, metrics, clock, serving }: ConsoleSources): ServedConsole {
  const peers = new StatusClient();
  const console = new Console({
    version,
    name: config.name,
    clock,
    read: () => readConsole(serving()),
    counters: () => readCounters(metrics, serving()),
    configurationIndex: () => serving()?.lifecycle.member?.node.configuration.index,
    askPeer: (peerUrl, timeoutMs) => peers.ask(peerUrl, timeoutMs),
    recentEvents: () => log.recent,
  });
  console.start();
  return {
    console,
    routes: new ConsoleRoutes(console),
    close() {
      console.stop();
      peers.close();
    },
  };
}

function readConsole(serving: Serving | undefined): ConsoleReading | undefined {
  if (serving === undefined || serving.lifecycle.resetting) return undefined;
  const { lifecycle, replica, transport } = serving;
  const { member } = lifecycle;
  return {
    identity: replica.identity(),
    status: replica.status(),
    notReady: replica.readiness(),
    revision: replica.answerState().revision,
    proposalsPending: replica.proposalsPending,
    raft: member?.node.status(),
    records: member?.records ?? [],
    peers: transport.stats(),
  };
}

/** What the store could not serve; a comparison that failed, a missing key or a bad request is its caller's. */
const failureCodes: ReadonlySet<string | undefined> = new Set([
  "unavailable",
  "deadline_exceeded",
  "resource_exhausted",
  "internal",
  "unknown",
  "data_loss",
]);

function readCounters({ api, runtime }: Metrics, serving: Serving | undefined): Counters {
  let failed = 0;
  for (const { labels, child } of api.requests) if (failureCodes.has(labels.code)) failed += child.value;
  return {
    revision: Number(serving?.lifecycle.member?.machine.store.revision ?? 0n),
    failed,
    requestDurations: sumOf(api.requestDuration),
    flushDurations: runtime.logFlushDuration,
  };
}

function sumOf(family: Iterable<{ readonly child: Buckets }>): Buckets {
  let sum: { readonly bounds: readonly number[]; readonly counts: number[] } = { bounds: [], counts: [] };
  for (const { child } of family) {
    if (sum.counts.length === 0) sum = { bounds: child.bounds, counts: Array.from(child.counts) };
    else for (let i = 0; i < sum.counts.length; i++) sum.counts[i]! += child.counts[i]!;
  }
  return sum;
}
