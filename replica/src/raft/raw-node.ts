import { assert } from "../assert.ts";
import { isJoint } from "./confchange/configuration.ts";
import { campaign, countOwnVote, leaderDisconnected, tickElection } from "./election.ts";
import type { LogView } from "./log.ts";
import { askLeavers, maybeLeaveJoint, maybeStepDown, proposeConfiguration } from "./membership.ts";
import { Raft } from "./raft.ts";
import { maybeStartRound, readIndex, tickReads } from "./read-index.ts";
import { maybeCommit, sendAppends } from "./replication.ts";
import { snapshotSent } from "./snapshot.ts";
import { type Status, statusOf } from "./status.ts";
import { stepCandidate, stepPreCandidate } from "./step-candidate.ts";
import { stepFollower } from "./step-follower.ts";
import { stepLeader, tickLeader } from "./step-leader.ts";
import { dispatch, type StepTable } from "./step-table.ts";
import { ticksUntilDue } from "./ticks-until-due.ts";
import { abortTransfer, type TransferResult, transferLeadership } from "./transfer.ts";
import {
  type ChangeResult,
  type Entry,
  type HardState,
  type IndexedConfiguration,
  type LogStorage,
  type MemberId,
  type Message,
  NO_MEMBER,
  type ProposeResult,
  type RaftOptions,
  type Ready,
  type Role,
  type SoftState,
  type TargetConfiguration,
} from "./types.ts";
import { assertWellFormed } from "./well-formed.ts";

const STEP_TABLES: { readonly [R in Role]: StepTable } = {
  follower: stepFollower,
  "pre-candidate": stepPreCandidate,
  candidate: stepCandidate,
  leader: stepLeader,
};

/** Committed entries that were handed out and not reported as applied. */
interface Batch {
  readonly lastIndex: bigint;
  readonly bytes: number;
}

/**
 * One member of a cluster, to be driven by one loop: give it ticks, messages and proposals, then take a
 * {@link Ready} and do what it says. It never blocks and never calls back.
 *
 * What is to be sent to followers is worked out when a Ready is taken, so everything that happened since the
 * last one goes out together.
 */
export class RawNode {
  readonly #raft: Raft;
  #softState: SoftState;
  /** As handed out last. */
  #hardState: HardState;
  #lastToken = 0n;
  #settledToken = 0n;
  readonly #unapplied: Batch[] = [];
  #unappliedBytes = 0;

  /**
   * A member with what `storage` holds. Throws an AssertionError if that contradicts itself, for instance if
   * the commit index lies beyond the end of the log, or if the log begins after the applied index.
   */
  constructor(options: RaftOptions, storage: LogStorage) {
    this.#raft = new Raft(options, storage);
    this.#softState = { leader: NO_MEMBER, role: "follower" };
    this.#hardState = storage.initialState().hardState;
  }

  /** Time passes; by convention 10 ms. */
  tick(): void {
    const raft = this.#raft;
    raft.nowTick++;
    if (raft.role === "leader") {
      tickLeader(raft);
    } else {
      tickElection(raft);
      tickReads(raft);
    }
  }

  /**
   * So many ticks, at least one, until one of them does something; those before need not come at their own
   * time, but before whatever else this is given.
   */
  ticksUntilDue(): number {
    return ticksUntilDue(this.#raft);
  }

  /** A message from another member. One that is malformed or not for this member throws. */
  step(message: Message): void {
    const raft = this.#raft;
    assertWellFormed(message, raft.id);
    if (raft.passTermGate(message)) dispatch(STEP_TABLES[raft.role], raft, message);
  }

  /**
   * Appends an entry, on the leader only. `data` is not copied and must not change afterwards. The entry is
   * committed if one with this term and index comes out of a Ready; if another comes out at this index, it
   * is lost.
   */
  propose(data: Uint8Array): ProposeResult {
    const raft = this.#raft;
    const { proposalMaxBytes, uncommittedMaxBytes } = raft.options;
    assert(data.length > 0, "an empty entry is the mark of a new leader");
    if (raft.role !== "leader") return { ok: false, reason: "not-leader", leader: raft.leader };
    if (raft.transfer !== undefined) {
      return { ok: false, reason: "transferring", target: raft.transfer.target };
    }
    if (data.length > proposalMaxBytes) return { ok: false, reason: "too-large", limit: proposalMaxBytes };
    const { bytes } = raft.uncommitted;
    if (bytes > 0 && bytes + data.length > uncommittedMaxBytes) {
      return { ok: false, reason: "uncommitted-full", limit: uncommittedMaxBytes };
    }
    const index = raft.appendEntry("normal", data);
    return { ok: true, term: raft.term, index };
  }

  /**
   * Begins a change of the members, on the leader only, if the configuration in force is the one at
   * `expectedIndex`. It is done when a configuration that is not joint is committed at an index not below
   * the one returned. The context goes with the joint configuration too, so it should also describe members
   * that leave.
   */
  proposeConfiguration(expectedIndex: bigint, target: TargetConfiguration): ChangeResult {
    return proposeConfiguration(this.#raft, expectedIndex, target);
  }

  /**
   * Asks for an index that no write acknowledged before this call lies above (dissertation §6.4). Answered
   * once in Ready.readStates or Ready.readFailures, on any member. The id is the caller's own.
   */
  readIndex(requestId: bigint): void {
    readIndex(this.#raft, requestId);
  }

  transferLeadership(target: MemberId): TransferResult {
    return transferLeadership(this.#raft, target);
  }

  /** Takes proposals again; a target that was told already may still become leader. */
  abortTransfer(): void {
    abortTransfer(this.#raft);
  }

  /** The connection to a peer was reset or closed. If it is our leader, we soon ask the others. */
  peerDisconnected(peer: MemberId): void {
    const raft = this.#raft;
    if (raft.role === "leader") this.peerUnreachable(peer);
    else if (raft.role === "follower" && raft.leader === peer) leaderDisconnected(raft);
  }

  /** Forgets the leader of this term until it is heard of again; votes are no longer refused for its sake. */
  forgetLeader(): void {
    if (this.#raft.role === "follower") this.#raft.setLeader(NO_MEMBER);
  }

  /** An append to the peer was probably lost: look for agreement anew instead of sending more. */
  peerUnreachable(peer: MemberId): void {
    const progress = this.#raft.tracker.find(peer);
    if (progress?.state === "replicate") progress.becomeProbe();
  }

  /** The snapshot of an InstallSnapshot that was handed out has arrived at the peer, or will not. */
  snapshotSent(peer: MemberId, ok: boolean): void {
    const progress = this.#raft.tracker.find(peer);
    if (progress !== undefined) snapshotSent(progress, ok);
  }

  /** Asks for a pre-vote now: for a cluster of one, and for tests. Does nothing without a vote. */
  campaign(): void {
    campaign(this.#raft);
  }

  /** Is there anything to do? Without it, `ready` returns an empty one. */
  hasReady(): boolean {
    const raft = this.#raft;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      raft.log.unstable.hasNext() ||
      this.#canApplyMore() ||
      this.#isHardStateDue() ||
      this.#isSoftStateDue() ||
      raft.readStates.length > 0 ||
      raft.readFailures.length > 0 ||
      (raft.role === "leader" && hasWork(raft))
    );
  }

  /** All that there is to do. It is taken: what is in it is not handed out again. */
  ready(): Ready {
    const raft = this.#raft;
    if (raft.role === "leader") prepare(raft);
    const { unstable } = raft.log;
    const softState = this.#takeSoftState();
    const mustWrite = this.#isHardStateDue() || unstable.hasNext();
    const hardState = mustWrite ? this.#takeHardState() : undefined;
    const snapshot = unstable.nextSnapshot();
    const entries = unstable.nextEntries();
    const { readStates, readFailures } = raft;
    let { messages, messagesAfterAppend } = raft;
    raft.messages = [];
    raft.messagesAfterAppend = [];
    raft.readStates = [];
    raft.readFailures = [];

    let appendToken: bigint | undefined;
    if (mustWrite || (messagesAfterAppend.length > 0 && unstable.writesUnderWay > 0)) {
      this.#lastToken++;
      appendToken = this.#lastToken;
      unstable.accept(appendToken, hardState);
    } else if (messagesAfterAppend.length > 0) {
      // All that they promise is durable already.
      messages = messages.length === 0 ? messagesAfterAppend : messages.concat(messagesAfterAppend);
      messagesAfterAppend = [];
    }
    const committedEntries = this.#takeCommitted();
    return {
      softState,
      hardState,
      snapshot,
      entries,
      messages,
      messagesAfterAppend,
      appendToken,
      committedEntries,
      readStates,
      readFailures,
    };
  }

  /** What the Ready with this token, and all before it, said to write is durable. */
  appended(token: bigint): void {
    const raft = this.#raft;
    assert(token > this.#settledToken && token <= this.#lastToken, "appended: not a token under way");
    this.#settledToken = token;
    const { hardState, snapshot } = raft.log.unstable.settle(token);
    if (hardState !== undefined) raft.durableHardState = hardState;
    if (snapshot !== undefined) {
      raft.log.installed(snapshot);
      this.#releaseApplied();
    }
    countOwnVote(raft);
    if (raft.role !== "leader") return;
    raft.countOwnLog();
    maybeCommit(raft);
  }

  /** The state machine has applied all committed entries up to `index`. */
  applied(index: bigint): void {
    this.#raft.log.appliedTo(index);
    this.#releaseApplied();
  }

  status(): Status {
    return statusOf(this.#raft);
  }

  get term(): bigint {
    return this.#raft.term;
  }

  get role(): Role {
    return this.#raft.role;
  }

  get appliedIndex(): bigint {
    return this.#raft.log.applied;
  }

  /** To look at, for tests that check the rules of Raft after each step. */
  get log(): LogView {
    return this.#raft.log;
  }

  /** In force: the newest in the log, committed or not. */
  get configuration(): IndexedConfiguration {
    return this.#raft.configurations.inForce;
  }

  /** The configuration in force is committed and not joint: no change of membership is under way. */
  isConfigurationSettled(): boolean {
    return this.#raft.configurations.isInForceCommitted() && !isJoint(this.#raft.configuration);
  }

  #isSoftStateDue(): boolean {
    const { leader, role } = this.#softState;
    return leader !== this.#raft.leader || role !== this.#raft.role;
  }

  #takeSoftState(): SoftState | undefined {
    if (!this.#isSoftStateDue()) return undefined;
    this.#softState = { leader: this.#raft.leader, role: this.#raft.role };
    return this.#softState;
  }

  /** Nothing relies on the commit index being on the disk, so it is written when something else is. */
  #isHardStateDue(): boolean {
    return this.#hardState.term !== this.#raft.term || this.#hardState.vote !== this.#raft.vote;
  }

  #takeHardState(): HardState | undefined {
    if (!this.#isHardStateDue() && this.#hardState.commit === this.#raft.log.committed) return undefined;
    this.#hardState = this.#raft.hardState;
    return this.#hardState;
  }

  #canApplyMore(): boolean {
    return (
      this.#raft.log.hasCommittedToApply() && this.#unappliedBytes < this.#raft.options.committedMaxBytes
    );
  }

  #takeCommitted(): readonly Entry[] {
    const { log, options } = this.#raft;
    if (!this.#canApplyMore()) return [];
    const entries = log.nextCommitted(options.committedMaxBytes - this.#unappliedBytes);
    const lastIndex = log.handedOut + BigInt(entries.length);
    let bytes = 0;
    for (const entry of entries) bytes += entry.data.length;
    log.handedOut = lastIndex;
    this.#unapplied.push({ lastIndex, bytes });
    this.#unappliedBytes += bytes;
    return entries;
  }

  #releaseApplied(): void {
    const { applied } = this.#raft.log;
    let count = 0;
    for (const batch of this.#unapplied) {
      if (batch.lastIndex > applied) break;
      this.#unappliedBytes -= batch.bytes;
      count++;
    }
    this.#unapplied.splice(0, count);
  }
}

function hasWork(raft: Raft): boolean {
  return raft.appendsPending || (raft.reads.isRoundDue() && raft.hasCommittedInTerm());
}

/** Leader: what follows from all that happened since the last Ready. */
function prepare(raft: Raft): void {
  maybeLeaveJoint(raft);
  askLeavers(raft);
  maybeStartRound(raft);
  if (raft.appendsPending) sendAppends(raft);
  maybeStepDown(raft);
}
