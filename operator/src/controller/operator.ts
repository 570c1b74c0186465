import { randomUUID } from "node:crypto";
import { kind, plural } from "../api/v1alpha1/custom-resource-definition.ts";
import { EventRecorder } from "../kube/event-recorder.ts";
import { createKubeClient } from "../kube/kube-client.ts";
import type { KubeConfig } from "../kube/kube-config.ts";
import { LeaderElection } from "../kube/leader-election.ts";
import { type QueueClock, WorkQueue } from "../kube/work-queue.ts";
import type { Logger } from "../log.ts";
import type { OperatorReading } from "../metrics/operator-definitions.ts";
import { OperatorMetrics } from "../metrics/operator-metrics.ts";
import { StoreReadings } from "../metrics/store-readings.ts";
import type { Settings } from "../settings.ts";
import { version } from "../version.ts";
import { Reconciler } from "./reconcile.ts";
import { StatusServer } from "./status-server.ts";
import { StoreWatches } from "./store-watches.ts";

const systemClock: QueueClock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** All stores are looked at again this often, whatever was heard. */
const resyncMs = 5 * 60_000;
/** Watches are made anew every half minute when nothing happens; this long without any is trouble. */
const silentMaxMs = 5 * 60_000;

export interface OperatorParts {
  readonly config: KubeConfig;
  readonly settings: Settings;
  readonly log: Logger;
  /** Leadership is lost: the process must end. */
  readonly lost: (why: string) => void;
}

/** The operator's one loop: watches tell what to look at, workers look, plan and act, while it leads. */
export class Operator {
  readonly #parts: OperatorParts;
  readonly #queue: WorkQueue;
  readonly #watches: StoreWatches;
  readonly #election: LeaderElection | undefined;
  readonly #server: StatusServer;
  #cancelResync: () => void = () => {};

  constructor(parts: OperatorParts) {
    this.#parts = parts;
    const { config, settings, log } = parts;
    const client = createKubeClient(config, { fieldManager: "rstore-operator", plurals: { [kind]: plural } });
    const clock = systemClock;
    const readings = new StoreReadings();
    const metrics = new OperatorMetrics({
      operator: () => this.#reading(),
      stores: () => readings.read(this.#watches.stores()),
    });
    const events = new EventRecorder({
      client,
      clock,
      controller: "rstore.dev/operator",
      instance: settings.podName,
      failed: (reason, message) => log.record("event.failed", { reason, message }),
    });
    const reconciler = new Reconciler({
      client,
      events,
      log,
      images: { repository: settings.replicaRepository, defaultVersion: settings.replicaVersion },
      operator: {
        namespace: settings.podNamespace,
        podLabels: {
          "app.kubernetes.io/name": "rstore-operator",
          "app.kubernetes.io/instance": settings.instance,
        },
      },
      nowMs: () => Date.now(),
      mayAct: () => this.#election?.leads ?? true,
      stepTaken: (store, step, ok) => metrics.stepTaken(store, step.kind, ok),
      looked: (store, input) => {
        metrics.looked(store);
        readings.looked(store.uid, input);
      },
      gone: (store, uid) => {
        metrics.gone(store);
        readings.gone(uid);
      },
    });
    this.#queue = new WorkQueue({
      clock,
      backoffMinMs: 500,
      backoffMaxMs: 15_000,
      perSecond: 20,
      burst: 100,
      workers: settings.workers,
      work: (key) => metrics.timed(() => reconciler.reconcile(...partsOf(key))),
      begun: (_key, waitedMs) => metrics.waited(waitedMs / 1000),
      failed: (key, error, retryInMs) => {
        const message = error instanceof Error ? error.message : String(error);
        log.record("reconcile.failed", { store: key, message, retryInMs: Math.round(retryInMs) });
      },
    });
    this.#watches = new StoreWatches({
      config,
      client,
      clock,
      namespaces: settings.namespaces,
      changed: (namespace, name) => this.#queue.add(`${namespace}/${name}`),
      interrupted: (kind, message) => log.record("watch.interrupted", { kind, message }),
    });
    this.#election = settings.leaderElect ? this.#createElection(client, clock) : undefined;
    this.#server = new StatusServer({
      metrics,
      leads: () => this.#leads,
      problem: () => this.#problem(),
    });
  }

  #createElection(client: ReturnType<typeof createKubeClient>, clock: QueueClock): LeaderElection {
    const { settings, log, lost } = this.#parts;
    const leaseMs = settings.leaseSeconds * 1000;
    return new LeaderElection({
      client,
      clock,
      namespace: settings.podNamespace,
      name: settings.leaseName,
      identity: `${settings.podName}_${randomUUID()}`,
      leaseMs,
      renewDeadlineMs: (leaseMs * 2) / 3,
      retryMs: leaseMs / 7.5,
      started: () => this.#act(),
      lost,
      log: (message) => log.record("lease.trouble", { message }),
    });
  }

  async start(): Promise<void> {
    await this.#server.listen(this.#parts.settings.listen);
    if (this.#election === undefined) this.#act();
    else this.#election.start();
  }

  #act(): void {
    this.#parts.log.record("operator.leads", {});
    this.#watches.start();
    this.#resyncLater();
  }

  #resyncLater(): void {
    this.#cancelResync = systemClock.after(resyncMs, () => {
      for (const { metadata } of this.#watches.stores())
        this.#queue.add(`${metadata?.namespace}/${metadata?.name}`);
      this.#resyncLater();
    });
  }

  get #leads(): boolean {
    return this.#election?.leads ?? true;
  }

  #reading(): OperatorReading {
    const silentMs = this.#leads ? this.#watches.silentMs(systemClock.nowMs()) : undefined;
    return {
      version,
      node: process.versions.node,
      leads: this.#leads,
      queueDepth: this.#queue.depth,
      queueActive: this.#queue.active,
      lookUnderWaySeconds: this.#queue.longestMs / 1000,
      apiServerContactSeconds: silentMs === undefined ? undefined : (Date.now() - silentMs) / 1000,
    };
  }

  /** Why it is not alive; undefined: it is. */
  #problem(): string | undefined {
    if (this.#election !== undefined && !this.#election.leads) return undefined;
    const silentMs = this.#watches.silentMs(systemClock.nowMs());
    return silentMs < silentMaxMs
      ? undefined
      : `the API server was not heard of for ${Math.round(silentMs / 1000)} s`;
  }

  /** Ends what is under way, then lets the lease go. */
  async stop(): Promise<void> {
    this.#cancelResync();
    await this.#watches.stop();
    await this.#queue.stop();
    await this.#election?.stop();
    await this.#server.close();
  }
}

function partsOf(key: string): [namespace: string, name: string] {
  const slash = key.indexOf("/");
  return [key.slice(0, slash), key.slice(slash + 1)];
}
