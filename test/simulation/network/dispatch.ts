import type { Message } from "@rstore/replica/raft/types";
import type { Frame } from "@rstore/replica/transport/frame-codec";
import type { PeerHello } from "@rstore/replica/transport/types";
import { countLost } from "./count-lost.ts";
import { packFrame } from "./frame-carrier.ts";
import type { NetworkParts } from "./network-parts.ts";
import type { SimSocket } from "./sim-socket.ts";

/** How much later than its like a copy, or what is overtaken, arrives. */
const LATE_MEAN_US = 20_000;
/** Some arrive so late that their connection, and often their sender's process, is gone. */
const VERY_LATE_CHANCE = 0.1;
const VERY_LATE_MAX_US = 4_000_000;

/** Sends a frame on a connection that was begun with this hello, as the weather allows; answers its size. */
export function dispatchFrame(
  parts: NetworkParts,
  socket: SimSocket,
  hello: PeerHello,
  frame: Frame,
): number {
  const { link } = socket.out;
  const honest = link.isHonest ? frame : weathered(parts, socket, hello, frame);
  if (honest.messages.length + honest.snapshotOffers.length + honest.snapshotRequests.length === 0) return 0;
  const { body, sizeBytes } = packFrame(parts, link, honest);
  socket.write(body, sizeBytes);
  return sizeBytes;
}

/** Of what is written at once, whether it is lost; counts it. */
export function isLost({ random, world }: NetworkParts, { link }: SimSocket["out"]): boolean {
  const { lossChance } = link.weather;
  if (lossChance === 0 || !random.chance(lossChance)) return false;
  countLost(world, link, 1);
  return true;
}

/** What of a frame is sent in its place; the rest is lost, or arrives by itself. */
function weathered(parts: NetworkParts, socket: SimSocket, hello: PeerHello, frame: Frame): Frame {
  const { random } = parts;
  const { out } = socket;
  const { duplicateChance, reorderChance } = out.link.weather;
  const messages: Message[] = [];
  for (const message of frame.messages) {
    if (isLost(parts, out)) continue;
    if (random.chance(duplicateChance)) sendLate(parts, socket, { hello, message, isCopy: true });
    if (random.chance(reorderChance)) sendLate(parts, socket, { hello, message, isCopy: false });
    else messages.push(message);
  }
  return {
    messages,
    snapshotOffers: frame.snapshotOffers.filter(() => !isLost(parts, out)),
    snapshotRequests: frame.snapshotRequests.filter(() => !isLost(parts, out)),
  };
}

interface Late {
  readonly hello: PeerHello;
  readonly message: Message;
  readonly isCopy: boolean;
}

function sendLate(parts: NetworkParts, socket: SimSocket, { hello, message, isCopy }: Late): void {
  const { random, world } = parts;
  const { out, other } = socket;
  const { link, nextSequence } = out;
  const { body, sizeBytes } = packFrame(parts, link, {
    messages: [message],
    snapshotOffers: [],
    snapshotRequests: [],
  });
  const lateUs = random.chance(VERY_LATE_CHANCE)
    ? random.between(0, VERY_LATE_MAX_US)
    : random.exponential(LATE_MEAN_US);
  const delivered = (): void => {
    if (isCopy) world.coverage.count("network.duplicated");
    else if (out.arrivedSequence >= nextSequence) world.coverage.count("network.reordered");
  };
  world.at(link.latencyUs() + lateUs, () => {
    if (link.isCut) {
      countLost(world, link, 1);
      return;
    }
    if (other.closed) {
      parts.replay(link, { hello, body, delivered });
      return;
    }
    delivered();
    out.unreadBytes += sizeBytes;
    other.arrived([{ body, sizeBytes, sequence: 0, dueUs: 0 }]);
  });
}
