import { decodeMemberRecords } from "../apply/member-records.ts";
import { membersOf } from "../raft/confchange/configuration.ts";
import type { IndexedConfiguration, MemberId } from "../raft/types.ts";
import type { PeerAddress } from "../transport/types.ts";
import type { RuntimeLimits } from "./limits.ts";
import type { MemberRecord } from "./replica-api.ts";

/**
 * Where the members of the configuration in force are, and those that just left: they are kept in reach for
 * a while, so that they learn it.
 */
export class PeerDirectory {
  readonly #self: MemberId;
  readonly #setPeers: (peers: readonly PeerAddress[]) => void;
  readonly #limits: RuntimeLimits;
  #index: bigint | undefined;
  #records: readonly MemberRecord[] = [];
  #leaversUntilMs: number | undefined;
  /** Who called and is in no configuration that is known here: a member that joins must be able to answer. */
  readonly #callers = new Map<MemberId, string>();

  constructor(self: MemberId, setPeers: (peers: readonly PeerAddress[]) => void, limits: RuntimeLimits) {
    this.#limits = limits;
    this.#self = self;
    this.#setPeers = setPeers;
  }

  get records(): readonly MemberRecord[] {
    return this.#records;
  }

  record(id: MemberId): MemberRecord | undefined {
    return this.#records.find((record) => record.id === id);
  }

  /** A peer was admitted. */
  called({ memberId, peerUrl }: PeerAddress): void {
    if (peerUrl === "" || this.record(memberId) !== undefined || this.#callers.get(memberId) === peerUrl)
      return;
    if (this.#callers.size >= this.#limits.callersMax) this.#callers.clear();
    this.#callers.set(memberId, peerUrl);
    this.#connect();
  }

  /** Call often; does something only when the configuration changed, which it returns, or leavers had their time. */
  follow({ index, configuration }: IndexedConfiguration, nowMs: number): boolean {
    const changed = index !== this.#index;
    if (changed) {
      this.#index = index;
      this.#records = decodeMemberRecords(configuration.context);
      const staying = membersOf(configuration);
      const leavers = this.#records.some((record) => !staying.includes(record.id));
      this.#leaversUntilMs = leavers ? nowMs + this.#limits.leaverMaxMs : undefined;
      this.#connect();
    } else if (this.#leaversUntilMs !== undefined && nowMs >= this.#leaversUntilMs) {
      const staying = membersOf(configuration);
      this.#records = this.#records.filter((record) => staying.includes(record.id));
      this.#leaversUntilMs = undefined;
      this.#connect();
    }
    return changed;
  }

  #connect(): void {
    for (const { id } of this.#records) this.#callers.delete(id);
    const urls = new Map(this.#callers);
    for (const { id, peerUrl } of this.#records) if (id !== this.#self) urls.set(id, peerUrl);
    this.#setPeers([...urls].map(([memberId, peerUrl]) => ({ memberId, peerUrl })));
  }
}
