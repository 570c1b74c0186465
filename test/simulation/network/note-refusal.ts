import type { PeerHello, PeerRefusal } from "@rstore/replica/transport/types";
import type { TransportShared } from "./transport-parts.ts";

/** A refusal that a caller is told. */
export function noteRefusal(
  { network: { world }, note }: TransportShared,
  hello: PeerHello,
  refusal: PeerRefusal,
): void {
  note("peer.refused", { peer: hello.from, reason: refusal.reason });
  switch (refusal.reason) {
    case "wrong-member":
    case "removed":
    case "stale-disk":
      world.coverage.count(`peer.refused-${refusal.reason}`);
  }
}
