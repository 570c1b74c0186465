import { Client } from "../client.ts";
import { MembershipClient } from "../membership-client.ts";
import type { MemberList } from "../types.ts";
import { act } from "./act.ts";
import { type ClusterFile, writeClusterFile } from "./cluster-file.ts";
import { observeIdentity, observeMembers } from "./observe.ts";
import { type Observation, type Plan, plan } from "./plan.ts";
import { ReplicaProcess } from "./replica-process.ts";
import { type SlotAddress, slotAddress } from "./slots.ts";

const workingIntervalMs = 150;
const settledIntervalMs = 2_000;
const stopDeadlineMs = 25_000;

export interface LocalClusterEvents {
  readonly onReplicaLine: (slot: SlotAddress, line: string) => void;
  readonly onReplicaNote: (slot: SlotAddress, text: string) => void;
  readonly onStep: (reason: string) => void;
  readonly onWaiting: (text: string) => void;
  readonly onStuck: (text: string) => void;
  /** Once in a run: every wanted replica is a voter and the cluster answers. */
  readonly onReady: (list: MemberList) => void;
  readonly onLeader: (name: string, term: bigint) => void;
}

export interface LocalClusterOptions {
  readonly dataDir: string;
  readonly file: ClusterFile;
  readonly logLevel: string;
  readonly launcher: string;
  readonly events: LocalClusterEvents;
}

interface Slot {
  readonly address: SlotAddress;
  readonly process: ReplicaProcess;
  readonly membership: MembershipClient;
}

/** Replicas as processes of this machine, and the loop that observes, plans and acts. */
export class LocalCluster {
  readonly #options: LocalClusterOptions;
  readonly #slots = new Map<number, Slot>();
  readonly #client: Client;
  #file: ClusterFile;
  #running = false;
  #loop: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  #said = "";
  #ready = false;
  #leader = "";

  constructor(options: LocalClusterOptions) {
    this.#options = options;
    this.#file = options.file;
    for (let number = 1; number <= options.file.slots; number++) this.#addSlot(number);
    const endpoints = [...this.#slots.values()].map(({ address }) => address.clientUrl);
    this.#client = new Client({ endpoints, connectTimeoutMs: 1_000 });
  }

  get addresses(): readonly SlotAddress[] {
    return [...this.#slots.values()].map(({ address }) => address);
  }

  /** `onFailure` is told when the loop itself fails, which is a bug or a disk that can't be written. */
  start(onFailure: (error: unknown) => void): void {
    this.#running = true;
    for (const { process } of this.#slots.values()) process.start();
    this.#loop = this.#run().catch(onFailure);
  }

  /** Ends all replicas in order and waits for them. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#wake?.();
    const stopped = [...this.#slots.values()].map(({ process }) => process.stop(stopDeadlineMs));
    this.#client.close();
    for (const { membership } of this.#slots.values()) membership.close();
    await Promise.all([...stopped, this.#loop]);
  }

  /** Ends all replicas at once. */
  kill(): void {
    this.#running = false;
    for (const { process } of this.#slots.values()) process.kill();
  }

  async #run(): Promise<void> {
    while (this.#running) {
      const observation = await this.#observe();
      if (!this.#running) return;
      const next = plan(observation);
      this.#tell(observation, next);
      for (const step of next.steps) {
        if (!this.#running) return;
        if (step.type !== "note-voters") this.#options.events.onStep(step.reason);
        const failure = await act(step, {
          client: this.#client,
          file: () => this.#file,
          save: (change) => this.#save(change),
          retire: (slot) => this.#retire(slot),
        });
        if (failure !== undefined && this.#running) this.#sayOnce(failure, this.#options.events.onWaiting);
      }
      await this.#pause(next.settled && this.#ready ? settledIntervalMs : workingIntervalMs);
    }
  }

  async #observe(): Promise<Observation> {
    const slots = await Promise.all(
      [...this.#slots.values()].map(async ({ address, membership }) => ({
        ...address,
        wanted: address.slot <= this.#file.replicas,
        identity: await observeIdentity(membership),
      })),
    );
    const { clusterId } = this.#file;
    const none = { members: undefined, commitIndex: undefined };
    const { members, commitIndex } = clusterId === null ? none : await observeMembers(this.#client);
    return {
      slots,
      bootstrap: this.#file.bootstrap ?? undefined,
      clusterId: clusterId ?? undefined,
      lastVoters: this.#file.voters,
      members,
      commitIndex,
    };
  }

  #tell(observation: Observation, next: Plan): void {
    const { events } = this.#options;
    const { members } = observation;
    if (members !== undefined) {
      const leader = members.members.find(({ id }) => id === members.header.leaderId);
      const known = `${leader?.id}/${members.header.term}`;
      if (leader !== undefined && known !== this.#leader) {
        this.#leader = known;
        events.onLeader(leader.name, members.header.term);
      }
      if (next.settled && !this.#ready) {
        this.#ready = true;
        events.onReady(members);
      }
    }
    if (next.stuck !== undefined) this.#sayOnce(next.stuck, events.onStuck);
    else if (next.waiting !== undefined) this.#sayOnce(next.waiting, events.onWaiting);
    else this.#said = "";
  }

  #sayOnce(text: string, say: (text: string) => void): void {
    if (text === this.#said) return;
    this.#said = text;
    say(text);
  }

  #save(change: Partial<ClusterFile>): void {
    const file = { ...this.#file, ...change };
    writeClusterFile(this.#options.dataDir, file);
    this.#file = file;
  }

  #addSlot(number: number): void {
    const { dataDir, file, logLevel, launcher, events } = this.#options;
    const address = slotAddress(number, file, dataDir);
    const replica = new ReplicaProcess({
      address,
      logLevel,
      launcher,
      events: {
        onLine: (line) => events.onReplicaLine(address, line),
        onNote: (text) => {
          events.onReplicaNote(address, text);
          this.#wake?.();
        },
      },
    });
    this.#slots.set(number, { address, process: replica, membership: new MembershipClient(address.peerUrl) });
  }

  /** Its data stays: grown again, the replica is reset and joins anew. */
  async #retire(number: number): Promise<void> {
    const slot = this.#slots.get(number);
    if (slot === undefined) return;
    await slot.process.stop(stopDeadlineMs);
    slot.membership.close();
    this.#slots.delete(number);
    this.#save({ slots: Math.max(...this.#slots.keys()) });
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
