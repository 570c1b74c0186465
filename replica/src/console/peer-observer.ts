import type { MemberReport } from "./console-state.ts";

export interface PeerToAsk {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly peerUrl: string;
}

/** What is known of one peer. */
export interface Observation {
  /** What it said last; undefined: it never answered. */
  readonly report: MemberReport | undefined;
  /** Since when it has not answered; undefined: it has. */
  readonly silentSinceMs: number | undefined;
}

export interface PeerObserverParts {
  /** Rejects when the peer does not answer in `timeoutMs`. */
  readonly ask: (peerUrl: string, timeoutMs: number) => Promise<MemberReport>;
  readonly wallMs: () => number;
}

/** Between two rounds. */
const ROUND_MS = 900;
const ASK_TIMEOUT_MS = 1_500;
const PEERS_MAX = 64;

interface Peer {
  peerUrl: string;
  report: MemberReport | undefined;
  silentSinceMs: number | undefined;
  asking: boolean;
}

/**
 * Asks the other members how they are, only while somebody looks, and once for all who look. It asks nobody but
 * the members that the configuration names.
 */
export class PeerObserver {
  readonly #parts: PeerObserverParts;
  readonly #peers = new Map<string, Peer>();
  #round: Promise<unknown> = Promise.resolve();
  #roundMs = Number.NEGATIVE_INFINITY;

  constructor(parts: PeerObserverParts) {
    this.#parts = parts;
  }

  /** Somebody looks. Resolves when all who were asked have answered or failed. */
  look(peers: readonly PeerToAsk[]): Promise<unknown> {
    this.#keepOnly(peers);
    const nowMs = this.#parts.wallMs();
    // A clock that was put back must not silence it.
    if (nowMs >= this.#roundMs && nowMs - this.#roundMs < ROUND_MS) return this.#round;
    this.#roundMs = nowMs;
    this.#round = Promise.all([...this.#peers.values()].map((peer) => this.#ask(peer)));
    return this.#round;
  }

  observation(id: string): Observation | undefined {
    const peer = this.#peers.get(id);
    if (peer === undefined || (peer.report === undefined && peer.silentSinceMs === undefined))
      return undefined;
    return { report: peer.report, silentSinceMs: peer.silentSinceMs };
  }

  #keepOnly(peers: readonly PeerToAsk[]): void {
    const wanted = new Map(peers.slice(0, PEERS_MAX).map(({ id, peerUrl }) => [id, peerUrl]));
    for (const [id, peer] of this.#peers) if (wanted.get(id) !== peer.peerUrl) this.#peers.delete(id);
    for (const [id, peerUrl] of wanted) {
      if (this.#peers.has(id)) continue;
      this.#peers.set(id, { peerUrl, report: undefined, silentSinceMs: undefined, asking: false });
    }
  }

  async #ask(peer: Peer): Promise<void> {
    if (peer.asking) return;
    peer.asking = true;
    try {
      peer.report = await this.#parts.ask(peer.peerUrl, ASK_TIMEOUT_MS);
      peer.silentSinceMs = undefined;
    } catch {
      peer.silentSinceMs ??= this.#parts.wallMs();
    } finally {
      peer.asking = false;
    }
  }
}
