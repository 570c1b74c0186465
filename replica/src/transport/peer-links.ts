import { assert } from "../assert.ts";
import type { MemberId } from "../raft/types.ts";
import { PeerTraffic } from "./peer-traffic.ts";
import type { PeerHandler, PeerHello } from "./types.ts";

/** One admitted stream from a peer, as this registry can end it. */
export interface InboundLink {
  readonly hello: PeerHello;
  readonly kind: "control" | "bulk";
  /** Ends it without a report: this member wants it ended. */
  close(reason: string): void;
}

/** Stands for one established connection to or from a peer. */
export interface LinkToken {
  readonly peer: MemberId;
  readonly lossesBefore: number;
}

interface PeerRecord {
  readonly traffic: PeerTraffic;
  /** Losses reported so far. A link that was established before the last of them is not reported again. */
  losses: number;
  /** Highest incarnation that was admitted. */
  incarnation: bigint;
  readonly inbound: Map<InboundLink["kind"], InboundLink>;
}

/**
 * What the outgoing connections and the peer port know together about each peer. Up to four connections join
 * two members and die together when a process is killed: the handler hears of it at the first and once only.
 */
export class PeerLinks {
  readonly #handler: Pick<PeerHandler, "disconnected">;
  readonly #records = new Map<MemberId, PeerRecord>();

  constructor(handler: Pick<PeerHandler, "disconnected">) {
    this.#handler = handler;
  }

  traffic(peer: MemberId): PeerTraffic {
    return this.#record(peer).traffic;
  }

  /** Connections with the peer that were lost, as the handler heard of them. */
  losses(peer: MemberId): number {
    return this.#records.get(peer)?.losses ?? 0;
  }

  established(peer: MemberId): LinkToken {
    return { peer, lossesBefore: this.#record(peer).losses };
  }

  /** The other end of an established connection reset or closed it. */
  lost(token: LinkToken): void {
    const record = this.#records.get(token.peer);
    if (record === undefined || record.losses !== token.lossesBefore) return;
    record.losses += 1;
    this.#handler.disconnected(token.peer);
  }

  /** False: a newer incarnation of the peer was seen, this hello is from the past (A14). */
  isCurrent(hello: PeerHello): boolean {
    return hello.incarnation >= (this.#records.get(hello.from)?.incarnation ?? 0n);
  }

  /** Whether an admitted stream is open that began with the same identity. */
  isAdmitted(hello: PeerHello): boolean {
    const inbound = this.#records.get(hello.from)?.inbound.values() ?? [];
    for (const link of inbound) if (sameIdentity(link.hello, hello)) return true;
    return false;
  }

  /**
   * Takes in an admitted stream. It takes the place of the peer's last of this kind; a newer incarnation ends
   * every stream of the older one, and proves that its process is gone.
   */
  opened(link: InboundLink): LinkToken {
    const { from, incarnation } = link.hello;
    const record = this.#record(from);
    assert(incarnation >= record.incarnation, "a stream of an older incarnation must be refused");
    const older = [...record.inbound.values()].filter((other) => other.hello.incarnation < incarnation);
    if (older.length > 0) {
      const token = this.established(from);
      for (const other of older) this.#end(record, other, "a newer incarnation arrived");
      this.lost(token);
    }
    const same = record.inbound.get(link.kind);
    if (same !== undefined) this.#end(record, same, "the peer opened another");
    record.incarnation = incarnation;
    record.inbound.set(link.kind, link);
    return this.established(from);
  }

  closed(link: InboundLink): void {
    const inbound = this.#records.get(link.hello.from)?.inbound;
    if (inbound?.get(link.kind) === link) inbound.delete(link.kind);
  }

  /** The peer is not one any more: what it says next must pass `admit` again. */
  forget(peer: MemberId): void {
    const record = this.#records.get(peer);
    if (record === undefined) return;
    for (const link of record.inbound.values()) this.#end(record, link, "not a peer any more");
    this.#records.delete(peer);
  }

  #end(record: PeerRecord, link: InboundLink, reason: string): void {
    record.inbound.delete(link.kind);
    link.close(reason);
  }

  #record(peer: MemberId): PeerRecord {
    let record = this.#records.get(peer);
    if (record === undefined) {
      record = { traffic: new PeerTraffic(), losses: 0, incarnation: 0n, inbound: new Map() };
      this.#records.set(peer, record);
    }
    return record;
  }
}

function sameIdentity(one: PeerHello, other: PeerHello): boolean {
  return (
    one.clusterId === other.clusterId &&
    one.from === other.from &&
    one.to === other.to &&
    one.incarnation === other.incarnation &&
    one.protocolVersion === other.protocolVersion
  );
}
