import type { PeerHello } from "@rstore/replica/transport/types";
import type { Random } from "../world/random.ts";
import type { World } from "../world/world.ts";
import type { Link } from "./link.ts";
import type { Body } from "./parcel.ts";
import type { SimSocket } from "./sim-socket.ts";

/** What the pieces of the network share. */
export interface NetworkParts {
  readonly world: World;
  readonly random: Random;
  readonly throughCodecs: boolean;
  /** Deeply freezes what travels as objects: whoever changes it throws. */
  readonly freezes: boolean;
  /** What the kernels at both ends and the line in between take before a writer must wait. */
  readonly socketBufferBytes: number;
  /** Ends that are open, by place. */
  readonly sockets: Map<number, Set<SimSocket>>;
  link(from: number, to: number): Link;
  /** Whether a process listens there now. */
  isUp(place: number): boolean;
  /** A frame of a connection that has ended arrives, as if from an old connection. */
  replay(link: Link, arrival: Replay): void;
}

export interface Replay {
  readonly hello: PeerHello;
  readonly body: Body;
  /** It was read by somebody. */
  readonly delivered: () => void;
}

/** Kinds of what the network makes part of the trace hash. */
export const networkNotes = { delivered: 40, lost: 41, ended: 42 } as const;
