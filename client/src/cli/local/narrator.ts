import type { PlanInput } from "@rstore/operator/plan/observation";
import type { Plan } from "@rstore/operator/plan/plan";
import type { Step } from "@rstore/operator/plan/step";
import { isSettled } from "@rstore/operator/platform/process/is-settled";
import type { LocalStoreEvents } from "@rstore/operator/platform/process/local-store";
import {
  type Ports,
  type SlotAddress,
  slotAddress,
  slotAddresses,
} from "@rstore/operator/platform/process/slot-address";
import type { StoredResource } from "@rstore/operator/platform/process/status-file";
import { storeFilePath } from "@rstore/operator/platform/process/store-file";
import type { Voice } from "./voice.ts";

/** Steps that a person should know of; the others are notes that the plan makes for itself, or follow from findings. */
const toldSteps: ReadonlySet<Step["kind"]> = new Set([
  "stopSlots",
  "restartSlot",
  "deleteClaim",
  "bootstrap",
  "changeMembership",
  "transferLeadership",
  "resetMember",
]);

/** Its reason speaks of "it". */
function isAboutSlot(kind: Step["kind"]): boolean {
  return kind === "restartSlot" || kind === "resetMember" || kind === "deleteClaim";
}

/** Findings that the platform can do nothing about, and what a person can. */
const hopeless: Readonly<Record<string, string>> = {
  MajorityLost: "Here: put the deleted directories back, or begin anew with `rstore local wipe`",
  BootstrapMemberLost: "Here: put its directory back, or begin anew with `rstore local wipe`",
  TwoClusters: "Here: move the directories that don't belong here away",
};

/** Tells a person what happens to the store, each thing once. */
export class Narrator implements LocalStoreEvents {
  readonly #voice: Voice;
  readonly #ports: Ports;
  readonly #folder: string;
  #said: ReadonlySet<string> = new Set();
  #steps: ReadonlySet<string> = new Set();
  #stepsOfTurn = new Set<string>();
  #failure = "";
  #leader = "";
  #isReady = false;
  #wasSettled = false;
  #isEnding = false;

  constructor(voice: Voice, ports: Ports, folder: string) {
    this.#voice = voice;
    this.#ports = ports;
    this.#folder = folder;
  }

  greet({ spec }: StoredResource, unused: readonly string[]): void {
    this.#voice.greet(slotAddresses(spec.replicas, this.#ports, this.#folder), this.#folder);
    this.#sayUnused(unused);
  }

  /** What goes wrong from now on goes wrong because replicas end. */
  end(): void {
    this.#isEnding = true;
  }

  readonly onReplicaLine = (address: SlotAddress, line: string): void => this.#voice.replica(address, line);

  readonly onReplicaNote = ({ name }: SlotAddress, text: string): void => {
    if (!this.#isEnding) this.#voice.say(`${name} ${text}`);
  };

  /** The same step again in the next turn is not told again. */
  readonly onStep = (step: Step): void => {
    if (!toldSteps.has(step.kind)) return;
    const { reason } = step;
    const isTold = this.#steps.has(reason) || this.#stepsOfTurn.has(reason) || this.#said.has(reason);
    if (!isTold)
      this.#voice.say("slot" in step && isAboutSlot(step.kind) ? `r${step.slot}: ${reason}` : reason);
    this.#stepsOfTurn.add(reason);
  };

  readonly onFailure = (why: string): void => {
    if (why !== this.#failure && !this.#isEnding) this.#voice.say(`again soon: ${why}`);
    this.#failure = why;
  };

  readonly onSpecRefused = (problems: readonly string[]): void => {
    this.#voice.alarm(
      `${storeFilePath(this.#folder)} is refused, what was asked for before goes on: ${problems.join("; ")}`,
    );
  };

  readonly onSpecChanged = ({ metadata, spec }: StoredResource, unused: readonly string[]): void => {
    this.#voice.say(`spec was edited (generation ${metadata.generation}): ${spec.replicas} replicas`);
    this.#wasSettled = false;
    this.#sayUnused(unused);
  };

  readonly onTurn = (resource: StoredResource, { findings, steps }: Plan, input: PlanInput): void => {
    this.#steps = this.#stepsOfTurn;
    this.#stepsOfTurn = new Set();
    if (steps.length === 0) this.#failure = "";
    this.#tellLeader(input);
    const told = new Set<string>();
    for (const { level, reason, message } of findings) {
      told.add(message);
      if (this.#said.has(message) || this.#steps.has(message)) continue;
      const advice = hopeless[reason];
      if (advice !== undefined) this.#voice.alarm(`${message}. ${advice}`);
      else if (level === "trouble") this.#voice.say(`${reason}: ${message}`);
      else this.#voice.say(message);
    }
    this.#said = told;
    this.#tellSettled(resource);
  };

  #tellLeader({ configuration }: PlanInput): void {
    const leader = configuration?.members.find(({ id }) => id === configuration.leader);
    const known = `${leader?.id}/${configuration?.term}`;
    if (leader === undefined || known === this.#leader) return;
    this.#leader = known;
    this.#voice.say(`${leader.name} leads in term ${configuration!.term}`);
  }

  #tellSettled(resource: StoredResource): void {
    const settled = isSettled(resource);
    if (settled && !this.#isReady) {
      this.#isReady = true;
      this.#voice.ready(slotAddress(0, this.#ports, this.#folder), resource.spec.replicas);
    } else if (settled && !this.#wasSettled) {
      this.#voice.say(`settled: ${resource.spec.replicas} members, all alive and caught up`);
    }
    this.#wasSettled = settled;
  }

  #sayUnused(unused: readonly string[]): void {
    if (unused.length > 0) this.#voice.say(`means nothing on one machine: ${unused.join(", ")}`);
  }
}
