import { encodeConfiguration } from "@rstore/replica/raft/confchange/codec";
import { EMPTY_CONFIGURATION } from "@rstore/replica/raft/confchange/configuration";
import type { Configuration, Entry, MemberId, Message, Role } from "@rstore/replica/raft/types";
import type { SimCluster } from "../cluster/types.ts";
import type { DurableLogState } from "../disk/types.ts";
import { Coverage } from "../world/coverage.ts";
import { World } from "../world/world.ts";
import { Safety } from "./safety.ts";
import type { CheckedCluster, CheckedMember, CheckedSlot } from "./types.ts";

export const CLUSTER_ID = 77n;

export function configurationOf(
  voters: readonly MemberId[],
  rest: Partial<Configuration> = {},
): Configuration {
  return { ...EMPTY_CONFIGURATION, voters, ...rest };
}

/** A log that does whatever it is told. */
export class FakeLog {
  base = { index: 0n, term: 0n };
  entries: Entry[] = [];
  committed = 0n;
  durableIndex = 0n;

  get firstIndex(): bigint {
    return this.base.index + 1n;
  }

  get lastIndex(): bigint {
    return this.base.index + BigInt(this.entries.length);
  }

  get lastTerm(): bigint {
    return this.entries.at(-1)?.term ?? this.base.term;
  }

  term(index: bigint): bigint | undefined {
    return index === this.base.index ? this.base.term : this.entry(index)?.term;
  }

  entry(index: bigint): Entry | undefined {
    return index > this.base.index ? this.entries[Number(index - this.firstIndex)] : undefined;
  }

  slice(low: bigint, high: bigint): Entry[] {
    return this.entries.slice(Number(low - this.firstIndex), Number(high - this.firstIndex));
  }

  append(term: bigint, data: string | Configuration = ""): void {
    const index = this.lastIndex + 1n;
    this.entries.push(
      typeof data === "string"
        ? { index, term, type: "normal", data: new TextEncoder().encode(data) }
        : { index, term, type: "configuration", data: encodeConfiguration(data) },
    );
  }

  truncateFrom(index: bigint): void {
    this.entries.length = Number(index - this.firstIndex);
    if (this.durableIndex >= index) this.durableIndex = index - 1n;
  }

  compactTo(index: bigint): void {
    const term = this.term(index)!;
    this.entries = this.entries.slice(Number(index - this.base.index));
    this.base = { index, term };
  }

  /** As a snapshot does: nothing of it stays. */
  resetTo(index: bigint, term: bigint): void {
    this.entries = [];
    this.base = { index, term };
    this.durableIndex = index;
  }

  copy(): FakeLog {
    const copy = new FakeLog();
    return Object.assign(copy, this, { entries: [...this.entries] });
  }
}

export class FakeDisk {
  onDurableLog: ((state: DurableLogState) => void) | undefined;
  tampered = 0;
  applied = 0n;
  lost = false;
  unreadable = false;
  log = new FakeLog();
  identity: Pick<DurableLogState, "memberId" | "clusterId" | "incarnation" | "removedIndex">;
  hardState = { term: 0n, vote: 0n, commit: 0n };

  constructor(memberId: MemberId) {
    this.identity = { memberId, clusterId: CLUSTER_ID, incarnation: 1n, removedIndex: undefined };
  }

  durableLog(): DurableLogState | undefined {
    if (this.unreadable) return undefined;
    const { firstIndex, lastIndex, lastTerm } = this.log;
    return { ...this.identity, ...this.hardState, firstIndex, lastIndex, lastTerm };
  }

  durableEntry(index: bigint): Entry | undefined {
    return this.log.entry(index);
  }

  durableApplied(): bigint {
    return this.lost ? 0n : this.applied;
  }

  isStoreLost(): boolean {
    return this.lost;
  }

  /** It says something else than before. */
  tell(change: Partial<FakeDisk["hardState"] & FakeDisk["identity"]> = {}): void {
    const { term, vote, commit, ...identity } = { ...this.hardState, ...this.identity, ...change };
    this.hardState = { term, vote, commit };
    this.identity = identity;
    const state = this.durableLog();
    if (state !== undefined) this.onDurableLog?.(state);
  }
}

/** A member that does whatever it is told; its store hashes what it applies. */
export class FakeMember {
  readonly id: MemberId;
  readonly clusterId = CLUSTER_ID;
  readonly log: FakeLog;
  term = 0n;
  role: Role = "follower";
  /** undefined: that of the newest configuration in the log. */
  configurationIndex: bigint | undefined;
  readonly machine = {
    appliedIndex: 0n,
    store: { revision: 1n, rollingHash: 0n },
    apply: (entry: Entry) => {
      this.machine.appliedIndex = entry.index;
      const { store } = this.machine;
      store.rollingHash = store.rollingHash * 31n + BigInt(entry.data.length) + entry.term;
      if (entry.type === "normal" && entry.data.length > 0) store.revision += 1n;
      return { index: entry.index, term: entry.term, results: [], configuration: undefined };
    },
  };

  constructor(id: MemberId, log: FakeLog) {
    this.id = id;
    this.log = log;
  }

  get node(): CheckedMember["node"] {
    const newest = this.log.entries.findLast(({ type }) => type === "configuration");
    return {
      term: this.term,
      role: this.role,
      log: this.log,
      configuration: {
        index: this.configurationIndex ?? newest?.index ?? this.baseConfiguration,
        configuration: EMPTY_CONFIGURATION,
      },
    } as CheckedMember["node"];
  }

  /** Index of the configuration in force where the log begins. */
  baseConfiguration = 0n;
}

export class FakeSlot implements CheckedSlot {
  readonly index: number;
  readonly name: string;
  readonly id: MemberId;
  readonly disk: FakeDisk;
  life: { isOver: boolean; isPaused: boolean; enter: () => void } | undefined;
  replica: object | undefined;
  member: FakeMember | undefined;

  constructor(index: number, id: MemberId) {
    this.index = index;
    this.name = `r${index}`;
    this.id = id;
    this.disk = new FakeDisk(id);
  }

  /** A process starts, counts itself, and becomes a member with what the disk holds. */
  start(): FakeMember {
    this.disk.tell({ incarnation: this.disk.identity.incarnation + 1n });
    return this.startUncounted();
  }

  startUncounted(): FakeMember {
    this.life = { isOver: false, isPaused: false, enter() {} };
    this.replica = {};
    const { log, hardState } = this.disk;
    const member = new FakeMember(this.id, log.copy());
    member.term = hardState.term;
    member.log.committed = hardState.commit;
    member.log.durableIndex = log.lastIndex;
    this.member = member;
    return member;
  }

  end(): void {
    if (this.life !== undefined) this.life.isOver = true;
    this.life = undefined;
    this.replica = undefined;
    this.member = undefined;
  }
}

/** Members 10n, 20n, … of one cluster, with the checks that look at them. */
export class FakeCluster implements CheckedCluster {
  readonly world = new World({ seed: 1, coverage: new Coverage(), transcript: undefined });
  readonly network: CheckedCluster["network"] = { onSend: undefined };
  readonly slots: readonly FakeSlot[];
  readonly checks: Safety;
  touched: FakeSlot | undefined;

  constructor(count: number, options = { promoteMaxLagEntries: 2 }) {
    this.slots = Array.from({ length: count }, (_, i) => new FakeSlot(i, BigInt(10 * (i + 1))));
    this.checks = new Safety(this, options);
  }

  /** All run, with this configuration as the committed entry 1 of term 1, and the first leads in term 2. */
  static founded(count: number, configuration?: Configuration, options?: { promoteMaxLagEntries: number }) {
    const cluster = new FakeCluster(count, options);
    const voters = cluster.slots.map(({ id }) => id);
    for (const slot of cluster.slots) {
      slot.disk.log.append(1n, configuration ?? configurationOf(voters));
      slot.disk.hardState = { term: 1n, vote: 0n, commit: 0n };
      slot.start();
      cluster.look(slot);
    }
    for (const slot of cluster.slots) slot.disk.tell({ commit: 1n });
    cluster.elect(0, 2n);
    return cluster;
  }

  get violation(): string | undefined {
    return this.world.violation?.property;
  }

  member(slot: number): FakeMember {
    return this.slots[slot]!.member!;
  }

  disk(slot: number): FakeDisk {
    return this.slots[slot]!.disk;
  }

  /** The step that touched this slot has ended. */
  look(slot: FakeSlot | number): void {
    this.touched = typeof slot === "number" ? this.slots[slot] : slot;
    // So much of a cluster is all that the checks look at.
    this.checks.afterStep(this as unknown as SimCluster);
  }

  /** All vote for it durably, and it appends the entry that begins its term. */
  elect(slot: number, term: bigint): void {
    const candidate = this.slots[slot]!;
    for (const { disk, member } of this.slots) {
      if (member === undefined) continue;
      member.term = term;
      member.role = "follower";
      disk.tell({ term, vote: candidate.id });
    }
    this.member(slot).role = "candidate";
    for (const each of this.slots) this.look(each);
    this.member(slot).role = "leader";
    this.member(slot).log.append(term);
    this.look(slot);
  }

  append(slot: number, data: string | Configuration): void {
    const { log, term } = this.member(slot);
    log.append(term, data);
    this.look(slot);
  }

  /** What is in the log of one member goes to the logs of others; not to their disks. */
  replicate(from: number, ...to: readonly number[]): void {
    for (const slot of to) {
      const { log } = this.member(slot);
      const source = this.member(from).log;
      const same = source.entries.findIndex(({ term, index }) => log.entry(index)?.term !== term);
      if (same >= 0 && source.firstIndex + BigInt(same) <= log.lastIndex) {
        log.truncateFrom(source.firstIndex + BigInt(same));
      }
      log.entries = [...source.entries];
      log.base = { ...source.base };
      this.look(slot);
    }
  }

  persist(...slots: readonly number[]): void {
    for (const slot of slots) {
      const { log } = this.member(slot);
      const { disk } = this.slots[slot]!;
      disk.log = log.copy();
      disk.tell();
      log.durableIndex = log.lastIndex;
      this.look(slot);
    }
  }

  commit(slot: number, index: bigint): void {
    this.member(slot).log.committed = index;
    this.look(slot);
  }

  /** Applies what is committed. */
  apply(slot: number): void {
    const { log, machine } = this.member(slot);
    while (machine.appliedIndex < log.committed) machine.apply(log.entry(machine.appliedIndex + 1n)!);
    this.look(slot);
  }

  /** An entry from the leader to durable, committed and applied on all. */
  write(slot: number, data: string | Configuration): bigint {
    this.append(slot, data);
    return this.settle(slot);
  }

  settle(slot: number): bigint {
    const all = this.slots.filter(({ member }) => member !== undefined).map(({ index }) => index);
    this.replicate(slot, ...all.filter((other) => other !== slot));
    this.persist(...all);
    const { lastIndex } = this.member(slot).log;
    this.commit(slot, lastIndex);
    for (const other of all) this.commit(other, lastIndex);
    for (const other of all) this.apply(other);
    return lastIndex;
  }

  send(slot: number, message: Message): void {
    this.network.onSend?.(slot, message);
  }
}

/** What the checks say after a change to three members with a leader, r0, in term 2. */
export function after(change: (cluster: FakeCluster) => void): string | undefined {
  const cluster = FakeCluster.founded(3);
  if (cluster.violation !== undefined) throw new Error(`a cluster as it should be: ${cluster.violation}`);
  change(cluster);
  return cluster.violation;
}
