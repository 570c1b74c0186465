import type { ReplicaEvent } from "../events.ts";
import { BoundedList } from "./bounded-list.ts";
import {
  type ConsoleReading,
  commitOf,
  consoleConfiguration,
  consoleMembers,
  idText,
  leaderText,
} from "./console-members.ts";
import type { ConsoleLook } from "./console-news.ts";
import type { ConsoleEvent, ConsoleState, HistoryRow, MemberReport } from "./console-state.ts";
import { consoleEvent } from "./events.ts";
import { type Counters, type CountersAt, countersAt, historyRow } from "./history.ts";
import { PeerObserver } from "./peer-observer.ts";

export interface ConsoleParts {
  readonly version: string;
  readonly name: string;
  readonly clock: {
    wallMs(): number;
    after(delayMs: number, callback: () => void): () => void;
  };
  /** undefined: the replica is starting or being reset. */
  readonly read: () => ConsoleReading | undefined;
  /** These two are called each second, also when nobody looks. */
  readonly counters: () => Counters;
  /** Of the configuration in force; undefined: there is none. */
  readonly configurationIndex: () => bigint | undefined;
  readonly askPeer: (peerUrl: string, timeoutMs: number) => Promise<MemberReport>;
  /** The last things that were logged, oldest first; the same object for the same event. */
  readonly recentEvents: () => readonly ReplicaEvent[];
}

const SAMPLE_MS = 1_000;
/** Ten minutes. */
const HISTORY_ROWS = 600;
/** An answer waits no longer for what peers say. */
const PATIENCE_MS = 250;
/** Names of members that left are kept for the events that name them. */
const NAMES_MAX = 256;

interface NumberedEvent {
  readonly number: number;
  readonly event: ConsoleEvent;
}

/** What the console shows, gathered while the replica runs: a second's row of history, and the log's events. */
export class Console {
  readonly #parts: ConsoleParts;
  readonly #history = new BoundedList<HistoryRow>(HISTORY_ROWS);
  readonly #eventNumbers = new WeakMap<ReplicaEvent, number>();
  #lastEvent = 0;
  readonly #names = new Map<string, string>();
  readonly #observer: PeerObserver;
  readonly #startedMs: number;
  #counters: CountersAt | undefined;
  #configuration: { readonly index: bigint; readonly sinceMs: number } | undefined;
  #cancel: () => void = () => {};

  constructor(parts: ConsoleParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.wallMs();
    this.#observer = new PeerObserver({ ask: parts.askPeer, wallMs: () => parts.clock.wallMs() });
  }

  start(): void {
    this.#sample();
  }

  stop(): void {
    this.#cancel();
  }

  /** All that there is to show now; what of it is new to somebody: `newsSince`. */
  async look(): Promise<ConsoleLook> {
    const reading = this.#read();
    if (reading !== undefined) await this.#ask(reading);
    const { clock, name, version } = this.#parts;
    const epoch = this.#startedMs.toString(36);
    const events = this.#events();
    const members =
      reading === undefined ? [] : consoleMembers(reading, (id) => this.#observer.observation(id));
    const state: ConsoleState = {
      cursor: `${epoch}.${this.#history.last}.${this.#lastEvent}`,
      full: true,
      nowMs: clock.wallMs(),
      self: {
        name: reading?.identity.name || name,
        memberId: idText(reading?.identity.memberId ?? 0n),
        clusterId: idText(reading?.identity.clusterId ?? 0n),
        version,
        role: reading?.status.role ?? "starting",
        startedMs: this.#startedMs,
        notReady: reading?.notReady ?? ["opening its data directory"],
      },
      store: reading === undefined ? null : storeOf(reading, commitOf(members)),
      configuration:
        reading?.raft === undefined
          ? null
          : consoleConfiguration(reading.raft, this.#configuration?.sinceMs ?? this.#startedMs),
      members,
      history: this.#history.items(),
      events: events.map(({ event }) => event),
    };
    return { state, eventNumbers: events.map(({ number }) => number) };
  }

  /** Waits for the peers' answers, but not for those of a dead one. */
  async #ask({ identity, records }: ConsoleReading): Promise<void> {
    const others = records.filter(({ id, peerUrl }) => id !== identity.memberId && peerUrl !== "");
    let cancel = (): void => {};
    const patience = new Promise<void>((resolve) => {
      cancel = this.#parts.clock.after(PATIENCE_MS, resolve);
    });
    const asked = this.#observer.look(others.map(({ id, peerUrl }) => ({ id: idText(id), peerUrl })));
    await Promise.race([asked, patience]);
    cancel();
  }

  #read(): ConsoleReading | undefined {
    const reading = this.#parts.read();
    for (const { id, name } of reading?.records ?? []) this.#learnName(idText(id), name);
    if (reading !== undefined) this.#learnName(idText(reading.identity.memberId), reading.identity.name);
    return reading;
  }

  #learnName(id: string, name: string): void {
    if (name === "" || this.#names.get(id) === name) return;
    if (this.#names.size >= NAMES_MAX) this.#names.clear();
    this.#names.set(id, name);
  }

  /** Events become words only here: by now the names of those that they name are known. */
  #events(): NumberedEvent[] {
    return this.#parts.recentEvents().flatMap((recent) => {
      const number = this.#eventNumbers.get(recent) ?? ++this.#lastEvent;
      this.#eventNumbers.set(recent, number);
      const event = consoleEvent(recent, (id) => this.#names.get(id));
      return event === undefined ? [] : [{ number, event }];
    });
  }

  #sample(): void {
    const { clock, counters, configurationIndex } = this.#parts;
    this.#cancel = clock.after(SAMPLE_MS, () => this.#sample());
    const now = countersAt(clock.wallMs(), counters());
    const before = this.#counters;
    this.#counters = now;
    if (before !== undefined && now.atMs > before.atMs) this.#history.push(historyRow(before, now));
    const index = configurationIndex();
    if (index === this.#configuration?.index) return;
    this.#configuration = index === undefined ? undefined : { index, sinceMs: now.atMs };
    this.#read();
  }
}

function storeOf(
  { raft, status, revision, proposalsPending }: ConsoleReading,
  commitIndex: number,
): ConsoleState["store"] {
  if (raft === undefined) return null;
  return {
    leaderId: leaderText(raft.leader),
    term: Number(raft.term),
    commitIndex,
    revision: Number(revision),
    compactedRevision: Number(status.compactedRevision),
    keys: status.totalKeys,
    proposalsPending,
  };
}
