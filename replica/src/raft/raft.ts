import { assert } from "../assert.ts";
import { assertOptions } from "./assert-options.ts";
import { ByteLedger } from "./byte-ledger.ts";
import { decodeConfiguration } from "./confchange/codec.ts";
import { isVoter } from "./confchange/configuration.ts";
import type { ConfigurationStack } from "./confchange/configuration-stack.ts";
import { loadConfigurations } from "./load-configurations.ts";
import { RaftLog } from "./log.ts";
import { higher } from "./position.ts";
import { ReadIndexState } from "./read-index-state.ts";
import { Tracker } from "./tracker/tracker.ts";
import {
  type Configuration,
  type Entry,
  type EntryType,
  type HardState,
  type IndexedConfiguration,
  type LogStorage,
  type MemberId,
  type Message,
  NO_MEMBER,
  type RaftOptions,
  type ReadFailure,
  type ReadState,
  type Role,
  type SnapshotMetadata,
} from "./types.ts";

/** The configuration before the committed one, and when its successor's commit was learned. */
interface ReplacedConfiguration {
  readonly configuration: IndexedConfiguration;
  readonly tick: number;
}

/** A transfer of leadership that is under way. */
export interface Transfer {
  readonly target: MemberId;
  elapsedTicks: number;
}

/**
 * The state of one member, and how it moves between terms and roles. What a message or a tick does to it is
 * in the files beside this one; nothing here sends anything.
 */
export class Raft {
  readonly id: MemberId;
  readonly options: RaftOptions;
  readonly log: RaftLog;
  readonly configurations: ConfigurationStack;

  #replaced: ReplacedConfiguration | undefined;

  /** The latest term seen (Raft §5.1). Never goes back. */
  term: bigint;
  /** Whom we voted for in this term, or NO_MEMBER. Set once a term. */
  vote: MemberId;
  role: Role = "follower";
  /** The leader of this term as far as it is known and believed to be alive, or NO_MEMBER. */
  leader: MemberId = NO_MEMBER;
  /** The last hard state that is known to be on the disk. */
  durableHardState: HardState;

  /** Ticks since the start; the only clock there is. */
  nowTick = 0;
  /** Since a leader was heard of, a vote was granted, or a campaign began. Always 0 on a leader. */
  electionElapsedTicks = 0;
  /** At this a campaign begins: in [electionTimeoutTicks, 2 * electionTimeoutTicks), or sooner when the
   * leader's connection was lost. */
  electionDeadlineTicks = 0;
  heartbeatElapsedTicks = 0;

  /** Since the start: how often it became a pre-candidate, and a candidate. */
  preVotesStarted = 0;
  electionsStarted = 0;

  /** Of a candidate or pre-candidate: the answers so far. */
  readonly votes = new Map<MemberId, boolean>();

  /** Of the leader: what it knows of the others. */
  readonly tracker: Tracker;
  /** Of the leader: the index of the first entry of its term. */
  termStartIndex = 0n;
  /** Of the leader: sizes of the entries it appended that are not committed. */
  readonly uncommitted = new ByteLedger();
  transfer: Transfer | undefined;
  /** Of the leader: there may be something to send to followers; done when a Ready is taken. */
  appendsPending = false;
  readonly reads: ReadIndexState;

  messages: Message[] = [];
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];
  readFailures: ReadFailure[] = [];

  constructor(options: RaftOptions, storage: LogStorage) {
    assertOptions(options);
    this.id = options.id;
    this.options = options;
    const initial = storage.initialState();
    const { hardState, appliedIndex } = initial;
    // The state machine may be ahead of the log's disk: what it applied is committed, and the term was real.
    const commit = higher(hardState.commit, appliedIndex);
    this.log = new RaftLog(storage, commit, appliedIndex);
    const lastTerm = this.log.lastTerm;
    this.term = higher(hardState.term, lastTerm);
    this.vote = this.term === hardState.term ? hardState.vote : NO_MEMBER;
    this.durableHardState = hardState;
    this.configurations = loadConfigurations(this.log, initial);
    this.tracker = new Tracker(options);
    this.reads = new ReadIndexState(options);
    this.resetElectionTimer();
  }

  /** The configuration in force: the newest in the log, committed or not. */
  get configuration(): Configuration {
    return this.configurations.inForce.configuration;
  }

  get hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  /**
   * May this member campaign? A voter of either half (scylladb#10618) of the configuration in force, or of
   * one that this may still fall back to: until a configuration without it is committed, a leaver may be the
   * only one whose log the new voters can follow (dissertation §4.2.2). It does not count its own vote then.
   */
  isPromotable(): boolean {
    if (this.log.unstable.snapshot !== undefined) return false;
    return this.configurations.all.some(({ configuration }) => isVoter(configuration, this.id));
  }

  /** Is a live leader known, so that votes are refused? (dissertation §4.2.3) */
  isSticky(): boolean {
    return this.leader !== NO_MEMBER && this.electionElapsedTicks < this.options.electionTimeoutTicks;
  }

  /** Of the leader: is an entry of its own term committed? (Raft §5.4.2, dissertation §6.4) */
  hasCommittedInTerm(): boolean {
    return this.log.committed >= this.termStartIndex;
  }

  /** Was the member heard of within an election timeout? The leader always is. */
  isActive(member: MemberId): boolean {
    if (member === this.id) return true;
    const progress = this.tracker.member(member);
    return progress?.wasHeardWithin(this.options.electionTimeoutTicks, this.nowTick) ?? false;
  }

  send(message: Message): void {
    this.messages.push(message);
  }

  /** For a message that promises something: it leaves when all of the state as it is now is durable. */
  sendAfterAppend(message: Message): void {
    this.messagesAfterAppend.push(message);
  }

  resetElectionTimer(): void {
    const timeout = this.options.electionTimeoutTicks;
    this.electionElapsedTicks = 0;
    this.electionDeadlineTicks = timeout + Math.floor(this.options.random() * timeout);
  }

  becomeFollower(term: bigint, leader: MemberId): void {
    this.#enterTerm(term);
    this.role = "follower";
    this.setLeader(leader);
  }

  /** Asks whether an election could be won, without a new term (dissertation §9.6). */
  becomePreCandidate(): void {
    assert(this.role !== "leader", "a leader does not campaign");
    this.#enterTerm(this.term);
    this.role = "pre-candidate";
    this.preVotesStarted += 1;
  }

  becomeCandidate(): void {
    assert(this.role !== "leader", "a leader does not campaign");
    this.#enterTerm(this.term + 1n);
    this.role = "candidate";
    this.vote = this.id;
    this.electionsStarted += 1;
  }

  /** A candidate that won: it knows nothing of the others' logs and begins its term with an empty entry. */
  becomeLeader(): void {
    assert(this.role === "candidate", "only a candidate becomes leader");
    assert(this.log.unstable.snapshot === undefined, "no leader while a snapshot is being installed");
    const granted = [...this.votes].filter(([, yes]) => yes).map(([id]) => id);
    this.#enterTerm(this.term);
    this.role = "leader";
    this.setLeader(this.id);
    this.termStartIndex = this.log.lastIndex + 1n;
    this.uncommitted.reset(this.termStartIndex);
    this.#trackMembers();
    for (const id of granted) {
      const progress = this.tracker.member(id);
      if (progress !== undefined) progress.lastHeardTick = this.nowTick;
    }
    this.countOwnLog();
    this.appendEntry("normal", new Uint8Array(0));
  }

  /** Through the latest configurations, so that members that a predecessor removed lately are told. */
  #trackMembers(): void {
    const latest = [...this.configurations.all];
    if (this.#replaced !== undefined && this.nowTick - this.#replaced.tick < this.options.leaverMaxTicks) {
      latest.unshift(this.#replaced.configuration);
    }
    for (const { index, configuration } of latest) {
      this.tracker.follow(index, configuration, this.termStartIndex);
    }
  }

  #enterTerm(term: bigint): void {
    assert(term >= this.term, "terms never go back");
    if (term > this.term) {
      this.term = term;
      this.vote = NO_MEMBER;
    }
    this.votes.clear();
    this.tracker.clear();
    this.uncommitted.reset(0n);
    this.transfer = undefined;
    this.appendsPending = false;
    this.heartbeatElapsedTicks = 0;
    this.setLeader(NO_MEMBER);
    if (this.role === "leader") this.reads.failRounds(this.readFailures);
    this.resetElectionTimer();
  }

  setLeader(leader: MemberId): void {
    if (leader === this.leader) return;
    this.leader = leader;
    this.reads.failAsked(this.readFailures);
  }

  /** Of the leader: appends an entry of this term and returns its index. */
  appendEntry(type: EntryType, data: Uint8Array): bigint {
    const entry: Entry = { term: this.term, index: this.log.lastIndex + 1n, type, data };
    this.log.push(entry);
    this.uncommitted.add(data.length);
    this.appendsPending = true;
    if (type === "configuration") this.#useConfiguration(entry);
    return entry.index;
  }

  /** Of a follower: appends what the leader sent, in place of all from the first entry's index on. */
  replaceEntries(entries: readonly Entry[], from: number): void {
    const first = entries[from]!;
    if (first.index <= this.log.lastIndex) {
      this.log.truncateFrom(first.index);
      this.configurations.truncateFrom(first.index);
      this.#takeBackClaims(first.index);
    }
    for (let i = from; i < entries.length; i++) {
      const entry = entries[i]!;
      this.log.push(entry);
      if (entry.type === "configuration") this.#useConfiguration(entry);
    }
  }

  /**
   * Entries from `index` on were replaced before a Ready handed them out, so they will never be on the disk:
   * what claims that they are must not leave. Claims that were handed out leave after a write that has them.
   */
  #takeBackClaims(index: bigint): void {
    this.messagesAfterAppend = this.messagesAfterAppend.filter((message) => {
      switch (message.type) {
        case "AppendEntriesResponse":
          return message.index < index;
        case "PreVote":
        case "RequestVote":
          return message.lastLogIndex < index;
        default:
          return true;
      }
    });
  }

  /** A configuration counts from the moment it is appended (dissertation §4.1). */
  #useConfiguration(entry: Entry): void {
    const configuration = decodeConfiguration(entry.data);
    assert(configuration.voters.length > 0, "an entry carries a configuration without voters");
    this.configurations.push({ index: entry.index, configuration });
    if (this.role === "leader") this.tracker.follow(entry.index, configuration, this.log.lastIndex);
  }

  /** Follower: the log is replaced by a snapshot and the configuration by the one in it. */
  restore(snapshot: SnapshotMetadata): void {
    assert(this.role === "follower", "only a follower installs a snapshot");
    this.#takeBackClaims(this.log.committed + 1n);
    this.log.restore(snapshot);
    this.configurations.restore(snapshot.configuration);
    this.#replaced = undefined;
  }

  /** Raises the commit index. Returns whether it was lower. */
  commitTo(index: bigint): boolean {
    if (index <= this.log.committed) return false;
    this.log.commitTo(index);
    const replaced = this.configurations.commitTo(index);
    if (replaced !== undefined) this.#replaced = { configuration: replaced, tick: this.nowTick };
    if (this.role === "leader") {
      this.uncommitted.releaseTo(index);
      this.appendsPending = true;
    }
    return true;
  }

  /** Of the leader: counts the part of its log that is on its own disk (etcd-io/etcd#14370). */
  countOwnLog(): void {
    const own = this.tracker.member(this.id);
    own?.maybeUpdate(this.log.durableIndex);
  }

  /**
   * Compares a message's term with ours and follows it if it is later (Raft §5.1). Returns whether the
   * message is to be handled; what comes from an earlier term is answered here, if at all.
   */
  passTermGate(message: Message): boolean {
    if (message.term === this.term) return true;
    return message.term > this.term ? this.#passFromLaterTerm(message) : this.#passFromEarlierTerm(message);
  }

  #passFromLaterTerm(message: Message): boolean {
    switch (message.type) {
      case "PreVote":
        return message.transfer || !this.isSticky();
      case "RequestVote":
        if (this.isSticky() && !message.transfer) return false;
        break;
      case "PreVoteResponse":
        // A granted one carries the term that the election would have.
        if (message.granted) return true;
        break;
      case "AppendEntries":
      case "Heartbeat":
      case "InstallSnapshot":
        this.becomeFollower(message.term, message.from);
        return true;
      default:
        break;
    }
    this.becomeFollower(message.term, NO_MEMBER);
    return true;
  }

  #passFromEarlierTerm(message: Message): boolean {
    const { id: from, term } = this;
    const to = message.from;
    switch (message.type) {
      case "AppendEntries":
      case "Heartbeat":
      case "InstallSnapshot":
        // A leader that is behind must learn of our term, or with stickiness and pre-vote it would keep the
        // others from electing us, and itself never reach us.
        this.send({
          type: "AppendEntriesResponse",
          from,
          to,
          term,
          index: 0n,
          rejected: true,
          hintIndex: 0n,
          hintTerm: 0n,
        });
        break;
      case "PreVote":
        // The same for one that asks for votes in a term that has passed.
        this.send({ type: "PreVoteResponse", from, to, term, granted: false });
        break;
      default:
        break;
    }
    return false;
  }
}
