import type { PeerReading } from "../reading.ts";

/** `peer`: the id as everything prints it. `peer_name`: the name of its replica, in Kubernetes of its pod. */
export function peerLabels(
  memberId: bigint,
  peers: readonly PeerReading[],
): { peer: string; peer_name: string } {
  const name = peers.find((peer) => peer.memberId === memberId)?.name ?? "";
  return { peer: idLabel(memberId), peer_name: name };
}

export function idLabel(id: bigint): string {
  return id.toString(16).padStart(16, "0");
}
