import { AssertionError, assert } from "../assert.ts";
import { decodeConfiguration } from "./confchange/codec.ts";
import { describeMessage, describeReady } from "./describe.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { RawNode } from "./raw-node.ts";
import type { Configuration, Entry, MemberId, Message, RaftOptions, Ready } from "./types.ts";

export const TRANSCRIPT_OPTIONS: Omit<RaftOptions, "id" | "random"> = {
  electionTimeoutTicks: 10,
  heartbeatTicks: 2,
  appendMaxBytes: 1024,
  inflightMaxMessages: 8,
  inflightMaxBytes: 4096,
  uncommittedMaxBytes: 4096,
  proposalMaxBytes: 1024,
  committedMaxBytes: 4096,
  pendingReadsMax: 4,
  promoteMaxLagEntries: 2n,
  leaverMaxTicks: 20,
};

const NO_CONTEXT = new Uint8Array(0);

interface Machine {
  node: RawNode;
  storage: MemoryStorage;
  writes: Ready[];
  unapplied: Entry[];
}

/** A member's messages pass unless this says otherwise. */
type Filter = (message: Message) => boolean;

/**
 * Members with disks in memory and a network that is a list of messages. Nothing happens by itself; every
 * step tells what it did, line by line, to `say`.
 */
export class TranscriptCluster {
  readonly #options: Omit<RaftOptions, "id" | "random">;
  readonly #machines = new Map<MemberId, Machine>();
  #network: Message[] = [];
  #held: Message[] = [];
  #holds: Filter[] = [];
  readonly #down = new Set<MemberId>();
  readonly #cut = new Set<string>();
  say: (line: string) => void = () => {};

  constructor(options: Partial<RaftOptions>) {
    this.#options = { ...TRANSCRIPT_OPTIONS, ...options };
  }

  get ids(): MemberId[] {
    return [...this.#machines.keys()];
  }

  /** Members of a cluster that is born with these voters. */
  addBorn(voters: readonly MemberId[], learners: readonly MemberId[] = []): void {
    const configuration: Configuration = {
      voters,
      outgoing: [],
      learners,
      learnersNext: [],
      context: NO_CONTEXT,
    };
    for (const id of [...voters, ...learners]) this.#start(id, MemoryStorage.bootstrapped(configuration));
  }

  /** A member with an empty disk. */
  addBlank(id: MemberId): void {
    this.#start(id, new MemoryStorage());
  }

  #start(id: MemberId, storage: MemoryStorage): void {
    // Members differ in chance, so that they do not campaign at the same tick: the first one soonest. The
    // first number drawn only makes numbers on the wire unique; 0 keeps them short.
    let draws = 0;
    const random = (): number => (draws++ === 0 ? 0 : (Number(id) - 1) / 10);
    const node = new RawNode({ ...this.#options, random, id }, storage);
    this.#machines.set(id, { node, storage, writes: [], unapplied: [] });
  }

  #machine(id: MemberId): Machine {
    const machine = this.#machines.get(id);
    assert(machine !== undefined, `there is no member ${id}`);
    return machine;
  }

  node(id: MemberId): RawNode {
    return this.#machine(id).node;
  }

  storage(id: MemberId): MemoryStorage {
    return this.#machine(id).storage;
  }

  /** What is not on the disk is lost, and what is on its way to or from it. */
  crash(id: MemberId): void {
    this.#down.add(id);
    const machine = this.#machine(id);
    machine.writes = [];
    machine.unapplied = [];
    this.#network = this.#network.filter((message) => message.from !== id && message.to !== id);
  }

  restart(id: MemberId): void {
    this.#down.delete(id);
    this.#start(id, this.storage(id));
  }

  /** Cuts the links between two members, both ways. */
  cut(a: MemberId, b: MemberId): void {
    this.#cut.add(`${a}->${b}`);
    this.#cut.add(`${b}->${a}`);
  }

  isolate(id: MemberId): void {
    for (const other of this.ids) if (other !== id) this.cut(id, other);
  }

  heal(): void {
    this.#cut.clear();
  }

  /** Messages of this kind are put aside from now on, to be released later. */
  hold(filter: Filter): void {
    this.#holds.push(filter);
  }

  /** Puts aside no more; what was put aside is on its way again, also a second time if `keep`. */
  release(keep: boolean): void {
    this.#holds = [];
    this.#network.push(...this.#held);
    if (!keep) this.#held = [];
  }

  #post(messages: readonly Message[]): void {
    for (const message of messages) {
      if (this.#cut.has(`${message.from}->${message.to}`)) continue;
      if (this.#down.has(message.to) || !this.#machines.has(message.to)) continue;
      const isHeld = this.#holds.some((filter) => filter(message));
      (isHeld ? this.#held : this.#network).push(message);
    }
  }

  /** Takes a Ready: sends what leaves at once, and remembers what is to be written and applied. */
  ready(id: MemberId): void {
    const machine = this.#machine(id);
    const ready = machine.node.ready();
    this.say(`ready ${id}`);
    for (const line of describeReady(ready).split("\n")) this.say(`  ${line}`);
    this.#post(ready.messages);
    if (ready.appendToken === undefined)
      assert(ready.messagesAfterAppend.length === 0, "no token to wait for");
    else machine.writes.push(ready);
    machine.unapplied.push(...ready.committedEntries);
  }

  /** The oldest write, or all of them, become durable. */
  write(id: MemberId, all: boolean): void {
    const machine = this.#machine(id);
    do {
      const ready = machine.writes.shift();
      if (ready?.appendToken === undefined) return;
      machine.storage.write(ready);
      this.say(`written ${id} token=${ready.appendToken}`);
      this.#post(ready.messagesAfterAppend);
      machine.node.appended(ready.appendToken);
    } while (all);
  }

  apply(id: MemberId): void {
    const machine = this.#machine(id);
    const last = machine.unapplied.at(-1);
    if (last === undefined) return;
    let configuration = machine.storage.initialState().configuration;
    for (const entry of machine.unapplied) {
      if (entry.type !== "configuration") continue;
      configuration = { index: entry.index, configuration: decodeConfiguration(entry.data) };
    }
    machine.unapplied = [];
    // The state machine's disk may be behind; it never runs ahead of the log's in these transcripts.
    if (machine.storage.lastIndex() >= last.index) machine.storage.setApplied(last.index, configuration);
    machine.node.applied(last.index);
  }

  /** Delivers what is on its way to a member now, and passes the filter; the rest of it stays. */
  deliver(id: MemberId, filter: Filter = () => true): void {
    const due = this.#network.filter((message) => message.to === id && filter(message));
    this.#network = this.#network.filter((message) => !due.includes(message));
    for (const message of due) {
      this.say(`deliver ${describeMessage(message)}`);
      this.node(id).step(message);
    }
  }

  /** Loses what is on its way and passes the filter. */
  drop(filter: Filter): void {
    for (const message of this.#network.filter(filter)) this.say(`drop ${describeMessage(message)}`);
    this.#network = this.#network.filter((message) => !filter(message));
  }

  /** Does all that there is to do for these members until there is nothing more. */
  stabilize(ids: readonly MemberId[]): void {
    const up = ids.filter((id) => !this.#down.has(id));
    for (let round = 0; ; round++) {
      if (round > 1000) throw new AssertionError("it does not come to rest");
      const before = this.#activity(up);
      for (const id of up) if (this.node(id).hasReady()) this.ready(id);
      for (const id of up) this.write(id, true);
      for (const id of up) this.apply(id);
      for (const id of up) this.deliver(id);
      if (before === 0 && this.#activity(up) === 0) return;
    }
  }

  #activity(ids: readonly MemberId[]): number {
    let count = this.#network.filter((message) => ids.includes(message.to)).length;
    for (const id of ids) {
      const machine = this.#machine(id);
      count += machine.writes.length + machine.unapplied.length + (machine.node.hasReady() ? 1 : 0);
    }
    return count;
  }

  tick(ids: readonly MemberId[], count: number): void {
    for (let i = 0; i < count; i++) {
      for (const id of ids) if (!this.#down.has(id)) this.node(id).tick();
    }
  }
}
