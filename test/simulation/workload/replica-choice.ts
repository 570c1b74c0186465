import type { SimCluster, Slot } from "../cluster/types.ts";
import type { Random } from "../world/random.ts";

const REST_FIRST_MS = 100;
const REST_MAX_MS = 5000;

interface Known {
  failures: number;
  restUntilMs: number;
}

/**
 * Which replica a client asks. One kind goes to the leader that it was told of, as the client library does
 * (client/src/endpoints.ts); the other stays with one replica until that fails.
 */
export class ReplicaChoice {
  readonly #cluster: SimCluster;
  readonly #random: Random;
  readonly #followsLeader: boolean;
  readonly #known: Known[];
  #present: number;
  #leader: { readonly index: number; readonly term: bigint } | undefined;

  constructor(cluster: SimCluster, random: Random) {
    this.#cluster = cluster;
    this.#random = random;
    this.#followsLeader = random.chance(0.5);
    this.#known = cluster.slots.map(() => ({ failures: 0, restUntilMs: 0 }));
    this.#present = random.between(0, cluster.slots.length - 1);
  }

  /** `anywhere`: the answer need not be the leader's. */
  pick(anywhere: boolean): Slot {
    const leader = this.#leader?.index;
    if (this.#followsLeader && !anywhere && leader !== undefined && this.#isReady(leader)) {
      return this.#cluster.slots[leader]!;
    }
    if (this.#followsLeader || !this.#isReady(this.#present)) this.#present = this.#next();
    return this.#cluster.slots[this.#present]!;
  }

  /** What the header of an answer says; the word of the highest term counts. */
  observe(leaderClientUrl: string, term: bigint): void {
    const index = this.#indexOf(leaderClientUrl);
    if (index < 0 || (this.#leader !== undefined && term < this.#leader.term)) return;
    this.#leader = { index, term };
  }

  /** Where an error says the leader is. */
  redirect(leaderClientUrl: string): void {
    const index = this.#indexOf(leaderClientUrl);
    if (index < 0) return;
    this.#leader = { index, term: this.#leader?.term ?? 0n };
    if (!this.#followsLeader) this.#present = index;
  }

  succeeded(slot: Slot): void {
    const known = this.#known[slot.index]!;
    known.failures = 0;
    known.restUntilMs = 0;
  }

  failed(slot: Slot): void {
    const known = this.#known[slot.index]!;
    known.failures += 1;
    const restMs = Math.min(REST_MAX_MS, REST_FIRST_MS * 2 ** Math.min(known.failures - 1, 8));
    known.restUntilMs = this.#nowMs + restMs;
  }

  get #nowMs(): number {
    return this.#cluster.world.nowUs / 1000;
  }

  #isReady(index: number): boolean {
    return this.#known[index]!.restUntilMs <= this.#nowMs;
  }

  #next(): number {
    const ready = [...this.#known.keys()].filter((index) => this.#isReady(index));
    return ready.length > 0 ? this.#random.pick(ready) : this.#random.between(0, this.#known.length - 1);
  }

  #indexOf(clientUrl: string): number {
    return clientUrl === "" ? -1 : this.#cluster.slots.findIndex((slot) => slot.clientUrl === clientUrl);
  }
}
