import type { MemberId } from "../api/v1alpha1/types.ts";

/** Ids as the wire has them, and as replicas and resources print them: 16 hexadecimal digits. */
export function idFromWire(id: bigint): MemberId {
  return id.toString(16).padStart(16, "0");
}

export function idToWire(id: MemberId): bigint {
  return BigInt(`0x${id}`);
}
