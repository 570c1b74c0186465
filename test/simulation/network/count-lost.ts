import type { World } from "../world/world.ts";
import type { Link } from "./link.ts";
import { networkNotes } from "./network-parts.ts";

/** So many frames, or messages that travel alone, never arrive. */
export function countLost(world: World, { from, to }: Link, count: number): void {
  world.coverage.count("network.lost", count);
  world.note(networkNotes.lost, from * 65_536 + to, count);
}
