import type { Clock } from "@rstore/replica/runtime/clock";
import type { InboundParts } from "@rstore/replica/transport/inbound-stream";
import type { PeerLimits } from "@rstore/replica/transport/limits";
import type { PeerLinks } from "@rstore/replica/transport/peer-links";
import type { PeerHandler } from "@rstore/replica/transport/types";
import type { Life } from "../cluster/types.ts";
import type { NetworkParts } from "./network-parts.ts";
import type { SimSocket } from "./sim-socket.ts";

/** Tells a connection's end, and counts the time that a peer keeps silent. */
export interface Ticking {
  tick(intervalMs: number): void;
}

/** What the two ends of a transport share, in one life. */
export interface TransportShared extends InboundParts {
  readonly network: NetworkParts;
  readonly slot: number;
  readonly life: Life;
  readonly handler: PeerHandler;
  readonly links: PeerLinks;
  readonly limits: PeerLimits;
  readonly clock: Clock;
  readonly random: () => number;
  /** Open streams, in both directions. */
  readonly ticking: Set<Ticking>;
  /** A line of the transcript. */
  readonly note: (event: string, detail: Readonly<Record<string, unknown>>) => void;
  /** Dials; `connected` and `failed` are called in this life, one of them and once, or neither. */
  dial(peerUrl: string, answer: { connected(socket: SimSocket): void; failed(): void }): void;
}
