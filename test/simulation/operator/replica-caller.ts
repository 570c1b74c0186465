import type { Replica } from "@rstore/replica/runtime/replica";
import type { SimCluster, Slot } from "../cluster/types.ts";
import { clientPlace } from "../network/types.ts";
import type { Place } from "./place.ts";
import { CallFailed } from "./types.ts";

/** Where operators are. */
export const operatorPlace = clientPlace(700);

/** Calls replicas over the simulated network, each at the address of the process that was seen. */
export class ReplicaCaller {
  readonly #cluster: SimCluster;
  readonly #places: readonly Place[];

  constructor(cluster: SimCluster, places: readonly Place[]) {
    this.#cluster = cluster;
    this.#places = places;
  }

  /** Rejects with what the replica says, or a {@link CallFailed} when no answer came in time. */
  call<T>(
    to: { readonly slot: number; readonly podUid: string },
    timeoutMs: number,
    ask: (replica: Replica, options: { readonly deadlineMs: number }, slot: Slot) => Promise<T>,
  ): Promise<T> {
    const { world, network } = this.#cluster;
    return new Promise((resolve, reject) => {
      const late = new CallFailed(`slot ${to.slot} does not answer`);
      const cancel = world.at(timeoutMs * 1000, () => reject(late));
      network.call(
        operatorPlace,
        to.slot,
        async () => {
          const { slot, pod } = this.#places[to.slot]!;
          const { replica, clock } = slot;
          if (pod?.uid !== to.podUid || replica === undefined || clock === undefined) throw late;
          return ask(replica, { deadlineMs: clock.nowMs() + timeoutMs }, slot);
        },
        (answer) => {
          cancel();
          if (answer.status === "fulfilled") resolve(answer.value);
          else reject(answer.reason);
        },
      );
    });
  }
}
