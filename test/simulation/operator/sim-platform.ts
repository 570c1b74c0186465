import type { World } from "../world/world.ts";
import { isBad, isReady, objectsOf, type Place, type Pod } from "./place.ts";
import { SimNode } from "./sim-node.ts";
import { CallFailed, type SimObjects, type SimSet } from "./types.ts";

const LOOK_MIN_MS = 20;
const LOOK_MAX_MS = 60;
const REMEMBER_EVERY_US = 150_000;
const REMEMBERED = 14;

export interface PlatformParts {
  readonly world: World;
  readonly slots: readonly Place["slot"][];
  /** A volume can be attached on another node than where it is. */
  readonly isAttachable: boolean;
  /** A claim is about to be removed, and what is on its disk with it. */
  readonly claimRemoved: (place: Place) => void;
}

/**
 * Keeps processes and volumes in slots, as Kubernetes does with a StatefulSet: it makes what is missing, ends
 * what is deleted, and never decides anything about members.
 */
export class SimPlatform {
  readonly places: readonly Place[];
  readonly isAttachable: boolean;
  /** Something changed that an operator may want to know soon. */
  onChange: () => void = () => {};
  readonly #parts: PlatformParts;
  readonly #random;
  readonly #history: SimObjects[] = [];
  #set: SimSet = { kept: 0, template: undefined, version: 1 };
  #minAvailable: number | undefined;
  #budgetVersion = 1;
  #names = 0;
  #rememberedUs = Number.NEGATIVE_INFINITY;

  constructor(parts: PlatformParts) {
    const { world, slots, isAttachable } = parts;
    this.#parts = parts;
    this.#random = world.random("platform");
    this.isAttachable = isAttachable;
    for (const slot of slots) slot.placed = false;
    this.places = slots.map((slot) => ({ slot, pod: undefined, claim: undefined }));
  }

  start(): void {
    const { world } = this.#parts;
    for (const place of this.places) this.#look(place);
    if (world.nowUs - this.#rememberedUs >= REMEMBER_EVERY_US) this.#remember();
    world.at(this.#random.between(LOOK_MIN_MS, LOOK_MAX_MS) * 1000, () => this.start());
  }

  get set(): SimSet {
    return this.#set;
  }

  get minAvailable(): number | undefined {
    return this.#minAvailable;
  }

  /** Everything as it is now. */
  objects(): SimObjects {
    const { kept } = this.#set;
    const { isAttachable } = this;
    return {
      atUs: this.#parts.world.nowUs,
      set: this.#set,
      minAvailable: this.#minAvailable,
      budgetVersion: this.#budgetVersion,
      slots: this.places
        .filter(({ slot, pod, claim }) => slot.index < kept || pod !== undefined || claim !== undefined)
        .map((place) => objectsOf(place, { kept, isAttachable })),
    };
  }

  /** One of those that were there lately. */
  oldObjects(): SimObjects {
    return this.#history.length === 0 ? this.objects() : this.#random.pick(this.#history);
  }

  /** Throws {@link CallFailed} when it was edited since that version. */
  editSet(version: number, change: Partial<Pick<SimSet, "kept" | "template">>): SimSet {
    if (version !== this.#set.version) throw new CallFailed("conflict: the set was edited since");
    const kept = Math.min(change.kept ?? this.#set.kept, this.places.length);
    const template = change.template ?? this.#set.template;
    if (kept === this.#set.kept && template === this.#set.template) return this.#set;
    this.#set = { kept, template, version: version + 1 };
    return this.#set;
  }

  /** Of these very processes. */
  setBudget(version: number, minAvailable: number, marks: ReadonlyMap<string, boolean>): number {
    if (version !== this.#budgetVersion) throw new CallFailed("conflict: the budget was edited since");
    this.#minAvailable = minAvailable;
    this.#budgetVersion += 1;
    for (const { pod } of this.places) if (pod !== undefined) pod.marked = marks.get(pod.uid) ?? pod.marked;
    return this.#budgetVersion;
  }

  /** What the Eviction API answers, with unhealthyPodEvictionPolicy AlwaysAllow. */
  mayEvict(place: Place): boolean {
    const { pod } = place;
    if (this.#minAvailable === undefined || pod === undefined || !pod.marked || !isReady(place)) return true;
    const healthy = this.places.filter((other) => other.pod?.marked && !other.pod.deleting && isReady(other));
    return healthy.length - 1 >= this.#minAvailable;
  }

  /** Only the process with this uid; it ends by itself, or at once when forced. */
  deletePod(place: Place, uid: string, how: "delete" | "force"): void {
    const { pod } = place;
    if (pod?.uid !== uid) return;
    pod.deleting = true;
    if (how === "force") this.#endPod(place);
  }

  /** Takes effect when no process uses it any more. */
  deleteClaim(place: Place, uid: string): void {
    if (place.claim?.uid === uid) place.claim.deleting = true;
  }

  /** Nothing runs on that node any more. */
  machineEnded(node: SimNode): void {
    for (const { slot, pod } of this.places) {
      if (pod?.node !== node) continue;
      slot.placed = false;
      slot.crash();
    }
  }

  /** The set and the budget are gone with their owner, and the processes with them; claims stay. */
  dropOwned(): void {
    this.#set = { kept: 0, template: undefined, version: this.#set.version + 1 };
    this.#minAvailable = undefined;
    this.#budgetVersion += 1;
    this.#history.splice(0);
  }

  #remember(): void {
    this.#rememberedUs = this.#parts.world.nowUs;
    this.#history.push(this.objects());
    if (this.#history.length > REMEMBERED) this.#history.shift();
  }

  #look(place: Place): void {
    const { slot, pod, claim } = place;
    const isKept = slot.index < this.#set.kept;
    if (pod !== undefined) {
      if (!isKept) pod.deleting = true;
      if (pod.deleting) this.#lookAtEnding(place, pod);
      else if (pod.node === undefined) this.#schedule(place, pod);
      else if (pod.node.isOk && !slot.placed && !isBad(pod.templateHash)) this.#begin(place);
      return;
    }
    if (claim?.deleting === true) this.#removeClaim(place);
    else if (isKept && this.#set.template !== undefined) this.#create(place, this.#set.template);
  }

  #create(place: Place, templateHash: string): void {
    if (place.claim === undefined) {
      place.claim = { uid: this.#name("claim"), deleting: false, boundTo: undefined };
    }
    const exitBefore = place.slot.lastExit;
    const uid = this.#name("pod");
    place.pod = { uid, templateHash, exitBefore, deleting: false, node: undefined, marked: false };
    this.onChange();
  }

  /** On a node of its own; there are always enough. */
  #schedule(place: Place, pod: Pod): void {
    const claim = place.claim!;
    const { boundTo } = claim;
    if (boundTo !== undefined && !boundTo.isOk) return;
    pod.node = boundTo ?? new SimNode(this.#name("node"));
    if (!this.isAttachable) claim.boundTo = pod.node;
  }

  #begin({ slot }: Place): void {
    slot.placed = true;
    if (slot.supervised) slot.start();
  }

  #lookAtEnding(place: Place, pod: Pod): void {
    const { slot } = place;
    if (pod.node !== undefined && !pod.node.isOk) return;
    const wasPlaced = slot.placed;
    slot.placed = false;
    if (slot.life === undefined) this.#endPod(place);
    else if (wasPlaced) slot.stop();
  }

  #endPod(place: Place): void {
    const { slot, pod } = place;
    slot.placed = false;
    slot.crash();
    place.pod = undefined;
    pod?.node?.left();
    this.onChange();
  }

  #removeClaim(place: Place): void {
    this.#parts.claimRemoved(place);
    place.slot.disk.wipe();
    place.claim = undefined;
    this.onChange();
  }

  #name(kind: string): string {
    this.#names += 1;
    return `${kind}-${this.#names}`;
  }
}
