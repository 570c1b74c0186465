import type { MemberId } from "../raft/types.ts";
import type { PeerHello, PeerRefusal } from "../transport/types.ts";
import type { RuntimeLimits } from "./limits.ts";

export const PEER_PROTOCOL_VERSION = 1;

/** What this member knows when a peer calls. */
export interface GateState {
  readonly memberId: MemberId;
  /** 0n: blank, belongs to no cluster. */
  readonly clusterId: bigint;
  /** Index of the configuration without the peer, when it was removed. */
  readonly removedIndex: (peer: MemberId) => bigint | undefined;
  /** As leader: what the peer has acknowledged as durable. */
  readonly acknowledgedIndex: (peer: MemberId) => bigint | undefined;
}

interface RememberedPeer {
  readonly incarnation: bigint;
  readonly durableTerm: bigint;
  /** A stream of it is open: further ones come from the same process. */
  connected: boolean;
}

/**
 * Judges who may speak to this member: of the same cluster, meaning this very member (A14), not removed (A4),
 * and with a disk that remembers at least what it promised before (B2).
 */
export class PeerGate {
  readonly #limits: RuntimeLimits;
  readonly #remembered = new Map<MemberId, RememberedPeer>();

  constructor(limits: RuntimeLimits) {
    this.#limits = limits;
  }

  judge(hello: PeerHello, state: GateState): PeerRefusal | undefined {
    if (hello.protocolVersion !== PEER_PROTOCOL_VERSION) {
      return {
        reason: "unsupported-version",
        message: `protocol ${hello.protocolVersion}, this member speaks ${PEER_PROTOCOL_VERSION}`,
      };
    }
    if (hello.to !== state.memberId) return { reason: "wrong-member", memberId: state.memberId };
    const ofCluster =
      hello.clusterId !== 0n && (state.clusterId === 0n || hello.clusterId === state.clusterId);
    if (!ofCluster) return { reason: "wrong-cluster", clusterId: state.clusterId };
    const removedIndex = state.removedIndex(hello.from);
    if (removedIndex !== undefined) return { reason: "removed", index: removedIndex };
    return this.#judgeDisk(hello, state);
  }

  #judgeDisk(hello: PeerHello, state: GateState): PeerRefusal | undefined {
    const before = this.#remembered.get(hello.from);
    const stale = (what: string): PeerRefusal => ({
      reason: "stale-disk",
      message: `the disk of the member is an old copy: ${what}; remove the member and let a blank one take its place`,
    });
    if (before !== undefined && hello.incarnation < before.incarnation) {
      return stale(`start ${hello.incarnation} after start ${before.incarnation}`);
    }
    if (before?.connected === true && hello.incarnation === before.incarnation) return undefined;
    if (before !== undefined && hello.durableTerm < before.durableTerm) {
      return stale(`term ${hello.durableTerm} after term ${before.durableTerm}`);
    }
    const acknowledged = state.acknowledgedIndex(hello.from);
    if (acknowledged !== undefined && hello.durableLastIndex < acknowledged) {
      return stale(`its log ends at ${hello.durableLastIndex} and it had acknowledged ${acknowledged}`);
    }
    const { incarnation, durableTerm } = hello;
    // Callers come and go; whoever called last is moved to the end.
    this.#remembered.delete(hello.from);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= this.#limits.rememberedPeersMax) this.#remembered.delete(oldest!);
    this.#remembered.set(hello.from, { incarnation, durableTerm, connected: true });
    return undefined;
  }

  /** What calls next under this id may be another process, on another disk. */
  disconnected(peer: MemberId): void {
    const remembered = this.#remembered.get(peer);
    if (remembered !== undefined) remembered.connected = false;
  }
}
