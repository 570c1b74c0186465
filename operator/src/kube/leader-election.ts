import type { V1Lease } from "@kubernetes/client-node";
import type { KubeClient } from "./kube-client.ts";
import { isKubeError } from "./kube-error.ts";
import { microTimeNow } from "./micro-time.ts";
import type { QueueClock } from "./work-queue.ts";

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  readonly clock: QueueClock;
  readonly namespace: string;
  readonly name: string;
  /** Of this process alone: a pod's name and something random. */
  readonly identity: string;
  /** Others wait for so long after the last renewal that they saw. */
  readonly leaseMs: number;
  /** Without a renewal for so long, leadership is given up: less than `leaseMs`, or two may act at once. */
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
  readonly started: () => void;
  /** Leadership is over: the process must act no more. */
  readonly lost: (why: string) => void;
  readonly log: (message: string) => void;
}

/** A stop waits so long for a call that is under way, and again for the lease to be given back. */
const stopWaitMs = 3000;

const kind = { apiVersion: "coordination.k8s.io/v1", kind: "Lease" };

/**
 * One operator at a time, by a Lease as in client-go: nobody compares clocks with anybody else, each counts from
 * when it saw the lease change. What is done under an old lease is refused by the store itself, which expects
 * the configuration index that the doer saw (E17).
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  #leads = false;
  /** On the clock: what begins later may meet another leader. */
  #leadsUntilMs = 0;
  #seen: { readonly version: string; readonly atMs: number } | undefined;
  #cancel: () => void = () => {};
  #cancelDeadline: () => void = () => {};
  #stopped = false;
  #attempt: Promise<void> = Promise.resolve();

  constructor(options: LeaderElectionOptions) {
    if (options.renewDeadlineMs >= options.leaseMs || options.retryMs >= options.renewDeadlineMs) {
      throw new Error("leader election: retry < renew deadline < lease duration must hold");
    }
    this.#options = options;
  }

  /** Also false past the deadline, before anything was told: a process that was frozen wakes up anywhere. */
  get leads(): boolean {
    return this.#leads && this.#options.clock.nowMs() < this.#leadsUntilMs;
  }

  start(): void {
    this.#attempt = this.#try();
  }

  /** Lets the lease go, so that the next one need not wait for its end. Resolves soon, whatever hangs. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#atMost(this.#attempt);
    this.#cancelDeadline();
    if (!this.#leads) return;
    this.#leads = false;
    await this.#atMost(this.#giveBack());
  }

  async #giveBack(): Promise<void> {
    try {
      const lease = await this.#read();
      if (lease?.spec?.holderIdentity !== this.#options.identity) return;
      await this.#options.client.replace({
        ...lease,
        spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1 },
      });
    } catch (error) {
      this.#options.log(`the lease could not be given back: ${(error as Error).message}`);
    }
  }

  async #atMost(work: Promise<void>): Promise<void> {
    let cancel = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(stopWaitMs, resolve);
    });
    await Promise.race([work, late]);
    cancel();
  }

  async #try(): Promise<void> {
    const { clock, retryMs, log } = this.#options;
    // Counted from before the request: the answer may have taken long.
    const askedMs = clock.nowMs();
    try {
      if (await this.#acquireOrRenew()) this.#renewed(askedMs);
    } catch (error) {
      if (!isKubeError(error, "conflict")) log(`leader election: ${(error as Error).message}`);
    }
    if (this.#stopped) return;
    this.#cancel = clock.after(retryMs, () => {
      this.#attempt = this.#try();
    });
  }

  #renewed(atMs: number): void {
    if (this.#stopped) return;
    const { clock, renewDeadlineMs, started } = this.#options;
    this.#cancelDeadline();
    this.#leadsUntilMs = atMs + renewDeadlineMs;
    this.#cancelDeadline = clock.after(atMs + renewDeadlineMs - clock.nowMs(), () => {
      this.#lose("the lease could not be renewed in time");
    });
    if (this.#leads) return;
    this.#leads = true;
    started();
  }

  #lose(why: string): void {
    this.#leads = false;
    this.#stopped = true;
    this.#cancel();
    this.#cancelDeadline();
    this.#options.lost(why);
  }

  #read(): Promise<V1Lease | undefined> {
    const { client, namespace, name } = this.#options;
    return client.read<V1Lease>({ ...kind, namespace, name });
  }

  /** True when the lease is this process's from here on. */
  async #acquireOrRenew(): Promise<boolean> {
    const { client, namespace, name, identity } = this.#options;
    const lease = await this.#read();
    if (lease === undefined) {
      await client.create<V1Lease>({ ...kind, metadata: { namespace, name }, spec: this.#spec(0) });
      return true;
    }
    const holder = lease.spec?.holderIdentity ?? "";
    if (holder === identity) {
      await client.replace({ ...lease, ...kind, spec: { ...lease.spec, ...this.#renewal() } });
      return true;
    }
    if (this.#leads) {
      this.#lose(`${holder || "nobody"} holds the lease`);
      return false;
    }
    if (holder !== "" && !this.#isExpired(lease)) return false;
    await client.replace({ ...lease, ...kind, spec: this.#spec((lease.spec?.leaseTransitions ?? 0) + 1) });
    return true;
  }

  #isExpired(lease: V1Lease): boolean {
    const { clock, leaseMs } = this.#options;
    const version = lease.metadata?.resourceVersion ?? "";
    if (this.#seen?.version !== version) this.#seen = { version, atMs: clock.nowMs() };
    const heldMs = (lease.spec?.leaseDurationSeconds ?? leaseMs / 1000) * 1000;
    return clock.nowMs() - this.#seen.atMs >= heldMs;
  }

  #spec(transitions: number): NonNullable<V1Lease["spec"]> {
    return {
      holderIdentity: this.#options.identity,
      acquireTime: microTimeNow(),
      leaseTransitions: transitions,
      ...this.#renewal(),
    };
  }

  #renewal() {
    const leaseDurationSeconds = Math.ceil(this.#options.leaseMs / 1000);
    return { leaseDurationSeconds, renewTime: microTimeNow() };
  }
}
