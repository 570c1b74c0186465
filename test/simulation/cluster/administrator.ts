import type { Replica } from "@rstore/replica/runtime/replica";
import { clientPlace } from "../network/types.ts";
import type { SimCluster, Slot } from "./types.ts";

const PLACE = clientPlace(900);

/** Calls replicas over the simulated network, as the command line does over a real one. */
export class Administrator {
  readonly #cluster: SimCluster;

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
  }

  /** Rejects with what the replica says, or when no answer came in time. */
  call<T>(
    slot: Slot,
    timeoutMs: number,
    ask: (replica: Replica, options: { readonly deadlineMs: number }) => Promise<T>,
  ): Promise<T> {
    const { world, network } = this.#cluster;
    return new Promise((resolve, reject) => {
      const cancel = world.at(timeoutMs * 1000, () => reject(new Error(`${slot.name} does not answer`)));
      network.call(
        PLACE,
        slot.index,
        async () => {
          const { replica, clock } = slot;
          if (replica === undefined) throw new Error(`${slot.name} is starting`);
          return ask(replica, { deadlineMs: clock!.nowMs() + timeoutMs });
        },
        (answer) => {
          cancel();
          if (answer.status === "fulfilled") resolve(answer.value);
          else reject(answer.reason);
        },
      );
    });
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.world.at(ms * 1000, resolve));
  }
}
