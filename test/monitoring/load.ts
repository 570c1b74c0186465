import { setTimeout as timer } from "node:timers/promises";
import { Consistency } from "@rstore/proto/rstore/v1/kv";
import { kvAt } from "../cluster/services.ts";

const text = new TextEncoder();

/** Between the turns of a worker: enough to be measured, and the machine has more to do. */
const pauseMs = 10;

/** A bit of everything through each of the replicas, until it is stopped; what fails is counted. */
export class Load {
  readonly #workers: readonly Promise<void>[];
  #isStopped = false;
  #done = 0;
  #failed = 0;

  constructor(urls: readonly string[]) {
    this.#workers = urls.map((url, at) => this.#work(url, at));
  }

  get done(): number {
    return this.#done;
  }

  get failed(): number {
    return this.#failed;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#workers);
  }

  async #work(url: string, worker: number): Promise<void> {
    for (let turn = 0; !this.#isStopped; turn++) {
      try {
        await this.#turn(url, `load/${worker}/${turn % 500}`, turn);
        this.#done++;
      } catch {
        this.#failed++;
      }
      await timer(pauseMs);
    }
  }

  async #turn(url: string, name: string, turn: number): Promise<void> {
    const kv = kvAt(url);
    const key = text.encode(name);
    const options = { timeoutMs: 2_000 };
    const { revision } = await kv.put({ key, value: text.encode(`${turn}`) }, options);
    if (turn % 5 === 0) {
      await kv.get({ key, consistency: Consistency.LINEARIZABLE }, options);
      const operations = [0, 1, 2].map((part) => ({
        operation: { case: "put" as const, value: { key: text.encode(`${name}/${part}`), value: key } },
      }));
      await kv.batch({ operations }, options);
    }
    if (turn % 50 === 0) {
      await kv.range({ key: text.encode("load/"), prefix: true, limit: 10 }, options);
      await kv.put({ key, value: key, expectedModRevision: 1n }, options).catch(() => {});
      await fetch(`${url}/key/plain`, { method: "PUT", body: "1", signal: AbortSignal.timeout(2_000) });
    }
    if (turn % 100 === 99) await kv.compact({ revision }, options);
  }
}
