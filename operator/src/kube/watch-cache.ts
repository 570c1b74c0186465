import { type KubeConfig, type KubernetesObject, ListWatch } from "@kubernetes/client-node";
import { HeardWatch } from "./heard-watch.ts";
import type { Kind, KubeClient, ListOptions } from "./kube-client.ts";
import { KubeError } from "./kube-error.ts";
import type { QueueClock } from "./work-queue.ts";

export interface WatchCacheOptions extends ListOptions {
  readonly config: KubeConfig;
  readonly client: KubeClient;
  readonly clock: QueueClock;
  readonly kind: Kind;
  /** As in URLs: `statefulsets`. */
  readonly plural: string;
  /** An object was added, changed or removed. */
  readonly changed: (object: KubernetesObject) => void;
  /** Watching is tried again. */
  readonly interrupted: (kind: string, message: string) => void;
}

const RESTART_MIN_MS = 500;
const RESTART_MAX_MS = 30_000;

/**
 * What changed, as the API server tells it: it says what to look at and decides nothing. A watch that ends is
 * begun anew, with a list whenever it cannot go on from where it was.
 */
export class WatchCache<T extends KubernetesObject> {
  readonly #options: WatchCacheOptions;
  readonly #watch: ListWatch<T>;
  #restartMs = RESTART_MIN_MS;
  #cancel: () => void = () => {};
  #stopped = false;
  #lastContactMs: number;
  #synced = false;

  constructor(options: WatchCacheOptions) {
    this.#options = options;
    this.#lastContactMs = options.clock.nowMs();
    const { config, kind, namespace, plural, labelSelector } = options;
    const root = kind.apiVersion.includes("/") ? `/apis/${kind.apiVersion}` : `/api/${kind.apiVersion}`;
    const path = namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
    const hearing = { heard: () => this.#heard(), worked: () => this.#worked() };
    const watch = new HeardWatch(config, hearing);
    this.#watch = new ListWatch<T>(path, watch, () => this.#list(), false, labelSelector);
    this.#watch.on("change", options.changed);
    this.#watch.on("error", (error: unknown) => this.#restart(error));
  }

  /** Everything was listed at least once. */
  get synced(): boolean {
    return this.#synced;
  }

  /** When the API server last answered, be it with a refusal; on the clock given. */
  get lastContactMs(): number {
    return this.#lastContactMs;
  }

  list(): readonly T[] {
    return this.#watch.list();
  }

  start(): void {
    this.#watch.start().catch((error: unknown) => this.#restart(error));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#watch.stop();
  }

  async #list() {
    const { client, kind } = this.#options;
    try {
      const { items, resourceVersion } = await client.list<T>(kind, this.#options);
      this.#heard();
      this.#worked();
      this.#synced = true;
      return { ...kind, items: [...items], metadata: { resourceVersion } };
    } catch (error) {
      // A refusal is an answer: its namespace may be gone, with the right to read it.
      if (error instanceof KubeError && error.status !== undefined) this.#heard();
      throw error;
    }
  }

  #heard(): void {
    this.#lastContactMs = this.#options.clock.nowMs();
  }

  #worked(): void {
    this.#restartMs = RESTART_MIN_MS;
  }

  #restart(error: unknown): void {
    if (this.#stopped) return;
    const { kind, clock, interrupted } = this.#options;
    interrupted(kind.kind, String((error as Error)?.message ?? error));
    const delayMs = this.#restartMs;
    this.#restartMs = Math.min(RESTART_MAX_MS, delayMs * 2);
    this.#cancel();
    this.#cancel = clock.after(delayMs, () => this.start());
  }
}
