import type { MemberId } from "../raft/types.ts";

/** A member's id as people read it: 16 hexadecimal digits. */
export function peerName(id: MemberId): string {
  return id.toString(16).padStart(16, "0");
}
