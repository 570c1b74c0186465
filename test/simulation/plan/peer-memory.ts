import type { MemberId } from "@rstore/replica/raft/types";
import type { PeerHello } from "@rstore/replica/transport/types";
import type { Life } from "../cluster/types.ts";

/** What each process remembers of its peers' starts, as peer-gate.ts does: only as long as it runs. */
export class PeerMemory {
  readonly #ofLives = new WeakMap<Life, Map<MemberId, bigint>>();

  /** The process let a stream of a peer in. Returns the later start of it that it had let in before, if so (B2). */
  admitted(life: Life, { from, incarnation }: PeerHello): bigint | undefined {
    let peers = this.#ofLives.get(life);
    if (peers === undefined) {
      peers = new Map();
      this.#ofLives.set(life, peers);
    }
    const before = peers.get(from);
    peers.set(from, incarnation);
    return before !== undefined && before > incarnation ? before : undefined;
  }

  /** 0n: it knows nothing of it. */
  incarnation(life: Life, peer: MemberId): bigint {
    return this.#ofLives.get(life)?.get(peer) ?? 0n;
  }
}
