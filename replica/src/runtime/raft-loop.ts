import { assert } from "../assert.ts";
import type { RawNode } from "../raft/raw-node.ts";
import type { Entry, InstallSnapshot, Message, Ready, SnapshotMetadata, SoftState } from "../raft/types.ts";
import type { Clock } from "./clock.ts";
import type { RuntimeLimits } from "./limits.ts";
import type { LinearizableReads } from "./linearizable-reads.ts";
import type { Proposals } from "./proposals.ts";
import type { RequestStages } from "./request-stages.ts";

/** What the loop has done by others. None may throw; what fails there is fatal to the process. */
export interface RaftLoopEffects {
  send(messages: readonly Message[]): void;
  offerSnapshot(message: InstallSnapshot): void;
  /** Resolves when hard state and entries are on disk; calls are served in order. */
  append(ready: Ready): Promise<void>;
  /** Puts a received snapshot in the place of the store and resets the log, durably. */
  install(snapshot: SnapshotMetadata): Promise<void>;
  /** Applies one committed entry and answers its callers. */
  apply(entry: Entry): void;
  /** False while the changes applied in memory wait for the disk. */
  canApply(): boolean;
  softStateChanged(state: SoftState): void;
  /** At the end of every turn; returns when it has something to do again by itself, in milliseconds of the clock. */
  turnEnded(nowMs: number): number;
  failed(error: unknown): void;
}

interface LoopParts {
  readonly node: RawNode;
  readonly proposals: Proposals;
  readonly reads: LinearizableReads;
  readonly effects: RaftLoopEffects;
  readonly stages?: RequestStages;
  readonly clock: Clock;
  readonly limits: RuntimeLimits;
  /** Ticks that pass without a turn at most. */
  readonly sleepMaxTicks: number;
}

/**
 * The one loop that owns the core. What arrives waits in the mailbox until the next turn; a turn drains it
 * into the core, takes every Ready and starts what is in it. Disk writes go on while further turns run: their
 * completion is one more thing in the mailbox.
 *
 * Between turns it sleeps until a tick, a caller's deadline or the effects are due. The ticks that passed
 * meanwhile come first in the next turn.
 */
export class RaftLoop {
  readonly #parts: LoopParts;
  #messages: Message[] = [];
  #tasks: (() => void)[] = [];
  #durable: Ready[] = [];
  #committed: Entry[] = [];
  #committedAt = 0;
  /** Handed to the disk, in order. */
  readonly #writing: { readonly ready: Ready; readonly sinceMs: number; isDurable: boolean }[] = [];
  /** Serialises snapshot installation with the appends around it. */
  #installing: Promise<void> | undefined;
  #lastTickMs: number;
  #scheduled = false;
  #turns = 0;
  /** When the timer ends the sleep; it may have ended it already. */
  #wakeMs = 0;
  #cancelTimer: (() => void) | undefined;
  #stopped = false;
  #closed: Error | undefined;
  /** Callers of `ask` whose turn has not come. */
  readonly #asking = new Set<(error: Error) => void>();

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#lastTickMs = parts.clock.nowMs();
  }

  start(): void {
    this.schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** Stops, and tells those whose turn has not come why. */
  close(error: Error): void {
    this.stop();
    this.#closed = error;
    for (const reject of this.#asking) reject(error);
    this.#asking.clear();
  }

  receive(messages: readonly Message[]): void {
    for (const message of messages) this.#messages.push(message);
    this.schedule();
  }

  /** Runs with the core at hand in the next turn. */
  run(task: () => void): void {
    this.#tasks.push(task);
    this.schedule();
  }

  /** As `run`, with an answer; rejects when the loop has ended. */
  ask<T>(task: () => T): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      this.#asking.add(reject);
      this.run(() => {
        this.#asking.delete(reject);
        try {
          resolve(task());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    this.#parts.clock.soon(() => {
      this.#scheduled = false;
      if (this.#stopped) return;
      try {
        this.#turn();
      } catch (error) {
        this.stop();
        this.#parts.effects.failed(error);
      }
    });
  }

  /** So far; it grows several times a second also when nothing happens. */
  get turns(): number {
    return this.#turns;
  }

  /** Since when the oldest write has been under way; undefined: none is. */
  get writingSinceMs(): number | undefined {
    return this.#writing[0]?.sinceMs;
  }

  /** Has the next turn come when something is due at the latest. */
  #sleep(nowMs: number, effectsDueMs: number): void {
    const { clock, node, proposals, reads, limits, sleepMaxTicks } = this.#parts;
    const callersWait = proposals.pending > 0 || reads.pending > 0;
    const ticks = callersWait ? 1 : Math.min(node.ticksUntilDue(), sleepMaxTicks);
    const wakeMs = Math.min(this.#lastTickMs + ticks * limits.tickMs, Math.max(effectsDueMs, nowMs));
    // To wake too early costs one turn, to move the timer at every turn costs more.
    if (this.#cancelTimer !== undefined && this.#wakeMs <= wakeMs) return;
    this.#cancelTimer?.();
    this.#wakeMs = wakeMs;
    this.#cancelTimer = clock.after(Math.max(1, Math.ceil(wakeMs - nowMs)), () => {
      this.#cancelTimer = undefined;
      this.schedule();
    });
  }

  #turn(): void {
    const { clock, node, proposals, reads, effects, limits } = this.#parts;
    this.#turns += 1;
    this.#tick();
    this.#reportDurable();
    const messages = this.#messages;
    this.#messages = [];
    for (const message of messages) node.step(message);
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task();
    if (this.#writing.length < limits.appendsUnderWayMax) {
      proposals.proposeWaiting((data) => node.propose(data));
    }
    reads.request((requestId) => node.readIndex(requestId));
    this.#drainReady();
    this.#applyCommitted();
    if (this.#stopped) return;
    const nowMs = clock.nowMs();
    this.#sleep(nowMs, effects.turnEnded(nowMs));
  }

  #tick(): void {
    const { clock, node, proposals, reads, limits } = this.#parts;
    const nowMs = clock.nowMs();
    const due = Math.floor((nowMs - this.#lastTickMs) / limits.tickMs);
    if (due <= 0) return;
    const slept = Math.max(1, Math.ceil((this.#wakeMs - this.#lastTickMs) / limits.tickMs));
    const most = slept - 1 + limits.catchUpMaxTicks;
    this.#lastTickMs = due > most ? nowMs : this.#lastTickMs + due * limits.tickMs;
    for (let i = 0; i < Math.min(due, most); i += 1) node.tick();
    proposals.expire(nowMs);
    reads.expire(nowMs);
  }

  #reportDurable(): void {
    const durable = this.#durable;
    if (durable.length === 0) return;
    this.#durable = [];
    const { node, effects } = this.#parts;
    for (const ready of durable) {
      if (ready.messagesAfterAppend.length > 0) effects.send(ready.messagesAfterAppend);
      node.appended(ready.appendToken!);
    }
  }

  #drainReady(): void {
    const { node } = this.#parts;
    while (node.hasReady()) this.#handle(node.ready());
  }

  #handle(ready: Ready): void {
    const { effects, reads, stages } = this.#parts;
    if (ready.softState !== undefined) effects.softStateChanged(ready.softState);
    this.#send(ready.messages);
    if (ready.appendToken !== undefined) this.#persist(ready);
    if (ready.committedEntries.length > 0) stages?.committed(ready.committedEntries);
    for (const entry of ready.committedEntries) this.#committed.push(entry);
    reads.confirmed(ready.readStates);
    reads.failed(ready.readFailures);
  }

  #send(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    const { effects } = this.#parts;
    if (!messages.some((message) => message.type === "InstallSnapshot")) {
      effects.send(messages);
      return;
    }
    effects.send(messages.filter((message) => message.type !== "InstallSnapshot"));
    for (const message of messages) if (message.type === "InstallSnapshot") effects.offerSnapshot(message);
  }

  #persist(ready: Ready): void {
    const { clock, effects, stages } = this.#parts;
    const flushed = stages?.flushing(ready.entries);
    const writing = { ready, sinceMs: clock.nowMs(), isDurable: false };
    this.#writing.push(writing);
    const write = this.#write(ready);
    write.then(
      () => {
        writing.isDurable = true;
        flushed?.();
        // Two that became durable at once may be told in the other order, by way of an install; the core is not.
        while (this.#writing[0]?.isDurable) this.#durable.push(this.#writing.shift()!.ready);
        this.schedule();
      },
      (error: unknown) => effects.failed(error),
    );
  }

  #write(ready: Ready): Promise<void> {
    const { effects } = this.#parts;
    const before = this.#installing;
    if (ready.snapshot === undefined) {
      return before === undefined ? effects.append(ready) : before.then(() => effects.append(ready));
    }
    const { snapshot } = ready;
    // What is appended meanwhile waits for all of it: the log may write both at once, and this is durable first.
    const installed: Promise<void> = (before ?? Promise.resolve())
      .then(() => effects.install(snapshot))
      .then(() => effects.append(ready))
      .then(() => {
        if (this.#installing === installed) this.#installing = undefined;
        this.run(() => this.#installed(snapshot));
      });
    this.#installing = installed;
    return installed;
  }

  #installed(snapshot: SnapshotMetadata): void {
    const { proposals } = this.#parts;
    this.#committed = this.#committed
      .slice(this.#committedAt)
      .filter((entry) => entry.index > snapshot.index);
    this.#committedAt = 0;
    proposals.skipped(snapshot.index);
  }

  #applyCommitted(): void {
    const { node, reads, effects, limits } = this.#parts;
    if (this.#installing !== undefined) return;
    let bytes = 0;
    let applied: bigint | undefined;
    while (this.#committedAt < this.#committed.length && effects.canApply()) {
      if (bytes >= limits.applyTurnMaxBytes) {
        this.schedule();
        break;
      }
      const entry = this.#committed[this.#committedAt]!;
      this.#committedAt += 1;
      bytes += entry.data.length;
      effects.apply(entry);
      applied = entry.index;
    }
    if (this.#committedAt === this.#committed.length && this.#committedAt > 0) {
      this.#committed = [];
      this.#committedAt = 0;
    }
    if (applied !== undefined) {
      node.applied(applied);
      this.#drainReady();
    }
    assert(this.#committedAt <= this.#committed.length, "applied more than was committed");
    reads.serve(node.appliedIndex);
  }
}
