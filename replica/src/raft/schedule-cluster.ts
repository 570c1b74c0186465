import { encodeConfiguration } from "./confchange/codec.ts";
import { MemoryStorage } from "./memory-storage.ts";
import type { RawNode } from "./raw-node.ts";
import { check } from "./schedule-check.ts";
import { type PendingWrite, ScheduleMember } from "./schedule-member.ts";
import { ScheduleModel } from "./schedule-model.ts";
import { ScheduleNetwork } from "./schedule-network.ts";
import { ScheduleRandom } from "./schedule-random.ts";
import { ScheduleReads } from "./schedule-reads.ts";
import type { Configuration, HardState, MemberId, Message, Ready, SnapshotMetadata } from "./types.ts";

export interface ClusterOptions {
  readonly voters: number;
  readonly seed: number;
  /** The cluster begins with a compacted log, so that joiners need a snapshot. */
  readonly compacted: boolean;
  readonly readsPending: boolean;
}

/** How rounds go while they run. */
export interface RoundConditions {
  /** Of the first write under way to reach the disk, again and again in one round. */
  readonly diskChance: number;
  /** Of a member to take its Readys after each input instead of at the end of the round. */
  readonly drainChance: number;
  readonly applyChance: number;
  readonly random: ScheduleRandom;
}

const NOTHING_HELD: ReadonlySet<MemberId> = new Set();

/**
 * Cores with simulated disks and a simulated network. Time passes in rounds: in each, every member ticks once
 * and gets what has arrived. Each input to a core is one step, checked by the model.
 */
export class ScheduleCluster {
  readonly members = new Map<MemberId, ScheduleMember>();
  readonly network = new ScheduleNetwork();
  readonly model: ScheduleModel;
  readonly reads = new ScheduleReads();
  readonly #random: ScheduleRandom;
  readonly #readsPending: boolean;
  /** Snapshots that did not arrive; their senders are told in the next round. */
  #lostSnapshots: Message[] = [];
  now = 0;
  /** Of the last run; inputs between runs are taken under the same. */
  conditions: RoundConditions;

  constructor({ voters, seed, compacted, readsPending }: ClusterOptions) {
    this.#random = new ScheduleRandom(seed);
    this.#readsPending = readsPending;
    this.conditions = { diskChance: 1, drainChance: 1, applyChance: 1, random: this.#random };
    const ids = Array.from({ length: voters }, (_, i) => BigInt(i + 1));
    const configuration: Configuration = {
      voters: ids,
      outgoing: [],
      learners: [],
      learnersNext: [],
      context: new Uint8Array(0),
    };
    const base: SnapshotMetadata = compacted
      ? { index: 5n, term: 2n, configuration: { index: 3n, configuration } }
      : { index: 0n, term: 0n, configuration: new MemoryStorage().initialState().configuration };
    this.model = new ScheduleModel(this.members, base);
    if (!compacted) {
      const data = encodeConfiguration(configuration);
      this.model.found({ index: 1n, term: 1n, type: "configuration", data }, { index: 1n, configuration });
    }
    for (const id of ids)
      this.#add(id, compacted ? diskFrom(base) : MemoryStorage.bootstrapped(configuration), true);
  }

  #add(id: MemberId, disk: MemoryStorage, stamped: boolean): ScheduleMember {
    const random = new ScheduleRandom(this.#random.below(2 ** 31));
    const options = { id, random: () => random.next(), readsPending: this.#readsPending };
    const member = new ScheduleMember(options, disk, stamped);
    this.members.set(id, member);
    member.start();
    return member;
  }

  /** A blank member that nobody has told of the cluster yet. */
  join(id: MemberId): void {
    this.#add(id, new MemoryStorage(), false);
  }

  /** The leader of the highest term. */
  get leader(): ScheduleMember | undefined {
    let leader: ScheduleMember | undefined;
    let term = 0n;
    for (const member of this.members.values()) {
      const status = member.node?.status();
      if (status?.role !== "leader" || status.term < term) continue;
      leader = member;
      term = status.term;
    }
    return leader;
  }

  /** One input to one core, with everything that it leads to checked. */
  step<T>(member: ScheduleMember, input: (node: RawNode) => T): T | undefined {
    const { node } = member;
    if (node === undefined) return undefined;
    const before = node.status();
    const result = input(node);
    const { role, term, commit } = node.status();
    check(term >= before.term, "terms never go back", () => `${member.id}: ${before.term} to ${term}`);
    check(
      commit >= before.commit,
      "commit never goes back",
      () => `${member.id}: ${before.commit} to ${commit}`,
    );
    if (role === "leader") this.model.leads(member, term);
    if (commit !== before.commit) {
      // A leader's commit index moves only over entries that it handed out before.
      const led = role === "leader" || (before.role === "leader" && before.term === term);
      if (led) this.model.commits(member, { term, from: before.commit, to: commit });
      else this.model.learns(member, commit);
    }
    const moved = commit !== before.commit || role !== before.role;
    if (moved || this.conditions.random.chance(this.conditions.drainChance)) this.drain(member);
    if (role !== "follower" && role !== "leader" && role !== before.role)
      this.model.campaigns(member, commit);
    return result;
  }

  /** Takes every Ready that there is. */
  drain(member: ScheduleMember): void {
    while (member.node?.hasReady()) this.#take(member, member.node.ready());
  }

  #take(member: ScheduleMember, ready: Ready): void {
    freeze(ready);
    const { hardState, snapshot, entries } = ready;
    if (hardState !== undefined) {
      const { term, vote, commit } = member.hardState;
      const kept =
        hardState.term > term || (hardState.term === term && (vote === 0n || vote === hardState.vote));
      check(kept && hardState.commit >= commit, "hard state never goes back", () => {
        return `${member.id}: term ${term} to ${hardState.term}, vote ${vote} to ${hardState.vote}, commit ${commit} to ${hardState.commit}`;
      });
    }
    if (snapshot !== undefined) this.model.installs(member, snapshot);
    const first = entries[0];
    if (first !== undefined) {
      const before = first.index - 1n;
      const previousTerm = snapshot?.index === before ? snapshot.term : member.written.term(before);
      this.model.appends(member, entries, previousTerm);
    }
    for (const message of ready.messages) this.#send(member, message);
    this.model.applies(member, ready.committedEntries);
    member.accept(ready);
    for (const state of ready.readStates) this.reads.confirmed(member, state, this.model.commitIndex);
    for (const { requestId } of ready.readFailures) this.reads.failed(member, requestId);
  }

  #send(member: ScheduleMember, message: Message): void {
    checkMessage(member, message, this.model);
    if (message.type === "HeartbeatResponse") this.reads.answersHeartbeat(message);
    const sent = this.network.send(message, this.now, this.conditions.random);
    if (!sent && message.type === "InstallSnapshot") this.#lostSnapshots.push(message);
  }

  #snapshotSent({ from, to }: Message, ok: boolean): void {
    const sender = this.members.get(from);
    if (sender?.up) this.step(sender, (node) => node.snapshotSent(to, ok));
  }

  /** The first write of a member reaches its disk, and what waited for it leaves. Returns its token. */
  #completeWrite(member: ScheduleMember): bigint | undefined {
    const write = member.pending.shift();
    if (write === undefined) return undefined;
    this.#toDisk(member, write);
    for (const message of write.messages) this.#send(member, message);
    return write.token;
  }

  /** Some of the writes under way reach the disk; one report may stand for several. */
  #completeWrites(member: ScheduleMember): void {
    const { random, diskChance } = this.conditions;
    let token: bigint | undefined;
    while (member.pending.length > 0 && random.chance(diskChance)) {
      token = this.#completeWrite(member) ?? token;
      if (random.chance(0.3)) continue;
      this.#report(member, token);
      token = undefined;
    }
    this.#report(member, token);
  }

  #report(member: ScheduleMember, token: bigint | undefined): void {
    if (token !== undefined) this.step(member, (node) => node.appended(token));
  }

  #toDisk(member: ScheduleMember, write: PendingWrite): void {
    if (write.hardState !== undefined) this.model.votes(member, write.hardState);
    this.model.replaces(member, write.entries);
    member.complete(write);
  }

  crash(member: ScheduleMember, survivors: number, torn: boolean): void {
    member.crash(survivors, torn, (write) => this.#toDisk(member, write));
  }

  run(rounds: number, conditions: RoundConditions): void {
    this.conditions = conditions;
    for (let i = 0; i < rounds; i++) this.#round();
  }

  #round(): void {
    const { random, applyChance } = this.conditions;
    this.now += 1;
    const lost = this.#lostSnapshots;
    this.#lostSnapshots = [];
    for (const message of lost) this.#snapshotSent(message, false);
    const held = new Set<MemberId>();
    for (const member of this.members.values()) if (member.pausedRounds > 0) held.add(member.id);
    for (const message of random.shuffled(
      this.network.arrivals(this.now, held.size > 0 ? held : NOTHING_HELD),
    )) {
      this.#deliver(message);
    }
    for (const member of random.shuffled([...this.members.values()])) {
      if (!member.up) continue;
      if (member.pausedRounds > 0) {
        member.pausedRounds -= 1;
        continue;
      }
      const ticks = 1 + member.missedTicks;
      member.missedTicks = 0;
      for (let i = 0; i < ticks; i++) this.#tick(member);
      this.#completeWrites(member);
      if (random.chance(applyChance)) this.apply(member, 1 + random.below(5));
      this.drain(member);
    }
  }

  /** A tick that is not due does nothing, so that a loop may give several at once. */
  #tick(member: ScheduleMember): void {
    const node = member.node!;
    const isQuiet = !node.hasReady() && node.ticksUntilDue() > 1;
    this.step(member, () => node.tick());
    check(!isQuiet || !node.hasReady(), "a tick that is not due does nothing", () => `member ${member.id}`);
  }

  /** A few entries are applied and reported. */
  apply(member: ScheduleMember, count: number): void {
    const last = member.apply(count).at(-1);
    if (last !== undefined) this.step(member, (node) => node.applied(last.index));
  }

  #deliver(message: Message): void {
    const member = this.members.get(message.to);
    const arrives = member?.up === true && !(isElection(message) && !member.stamped);
    if (arrives) {
      if (!isElection(message)) member.stamped = true;
      this.step(member, (node) => node.step(message));
    }
    if (message.type === "InstallSnapshot") this.#snapshotSent(message, arrives);
  }

  flush(member: ScheduleMember): void {
    const term = this.model.committedTerm(member.applied);
    if (member.up && term !== undefined) member.flush(term);
  }
}

function diskFrom(base: SnapshotMetadata): MemoryStorage {
  const disk = new MemoryStorage();
  disk.installSnapshot(base);
  disk.setHardState({ term: base.term, vote: 0n, commit: base.index });
  return disk;
}

function isElection({ type }: Message): boolean {
  return type === "PreVote" || type === "RequestVote" || type === "TimeoutNow";
}

/** What the core handed out is nobody's to change. */
function freeze(ready: Ready): void {
  for (const entry of ready.entries) Object.freeze(entry);
  Object.freeze(ready.entries);
  for (const message of [...ready.messages, ...ready.messagesAfterAppend]) {
    Object.freeze(message);
    if (message.type === "AppendEntries") Object.freeze(message.entries);
  }
}

/** What a message promises must be on the disk of its sender when it leaves. */
function checkMessage(member: ScheduleMember, message: Message, model: ScheduleModel): void {
  const { durable } = member;
  const { hardState } = durable.initialState();
  const describe = () => `${member.id} sends ${message.type} of term ${message.term} to ${message.to}`;
  check(
    message.from === member.id && message.to !== member.id && message.to !== 0n,
    "messages go to others",
    describe,
  );
  switch (message.type) {
    case "RequestVote":
      // With a later term on the disk it is void, and nobody can be misled: that term was not led by it.
      if (hardState.term > message.term) break;
      check(
        isDurableVote(hardState, message.term, member.id),
        "a vote request has a durable vote behind it",
        describe,
      );
      check(
        durable.term(message.lastLogIndex) === message.lastLogTerm ||
          message.lastLogIndex < durable.firstIndex(),
        "a vote request claims only entries that are durable",
        describe,
      );
      break;
    case "RequestVoteResponse":
      if (!message.granted) break;
      check(
        hardState.term > message.term || isDurableVote(hardState, message.term, message.to),
        "a granted vote is durable",
        describe,
      );
      model.votes(member, { term: message.term, vote: message.to });
      break;
    case "AppendEntriesResponse":
      if (message.rejected) break;
      check(durable.lastIndex() >= message.index, "acknowledged entries are durable (B4)", describe);
      check(hardState.term >= message.term, "an acknowledgement's term is durable", describe);
      break;
    case "AppendEntries": {
      check(model.led(member.id, message.term), "only leaders send entries", describe);
      check(
        model.knows(message.previousIndex, message.previousTerm),
        "appends follow known entries",
        describe,
      );
      let index = message.previousIndex;
      for (const entry of message.entries) {
        index += 1n;
        check(entry.index === index, "entries in a message are contiguous", describe);
      }
      break;
    }
    case "InstallSnapshot":
      check(
        message.snapshot.index >= member.storage.firstIndex() - 1n,
        "the log goes on from a snapshot that is sent (A15)",
        describe,
      );
      check(model.led(member.id, message.term), "only leaders send snapshots", describe);
      break;
    case "Heartbeat":
    case "TimeoutNow":
      check(model.led(member.id, message.term), "only leaders send heartbeats and TimeoutNow", describe);
      break;
    default:
      break;
  }
}

function isDurableVote(hardState: HardState, term: bigint, vote: MemberId): boolean {
  return hardState.term === term && hardState.vote === vote;
}
