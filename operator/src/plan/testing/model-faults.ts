import { mayEvict } from "./model-actions.ts";
import type { Disk } from "./model-raft.ts";
import type { ModelWorld } from "./model-world.ts";

/** Things that happen to a store; `slot` and `value` choose what and how much. */
export interface Fault {
  readonly kind: (typeof faultKinds)[number];
  readonly slot: number;
  readonly value: number;
  /** Ticks until the next. */
  readonly ticks: number;
}

export const faultKinds = [
  "killPod",
  "drain",
  "wipeDisk",
  "damageDisk",
  "restoreDisk",
  "loseVolume",
  "nodeUnreachable",
  "nodeGone",
  "nodeOutOfService",
  "healNodes",
  "slowMember",
  "healMembers",
  "scale",
  "scale",
  "scale",
  "roll",
  "rollBad",
  "rollUnready",
  "rollMute",
  "rollBack",
  "pause",
  "unpause",
  "claimPolicy",
  "replacementMode",
  "recreateResource",
  "wait",
] as const;

/** Does nothing where that would lose the data for good: no operator brings that back. */
export function inflict(world: ModelWorld, fault: Fault): void {
  const slots = [...world.pods.keys()].sort((a, b) => a - b);
  const slot = slots[fault.slot % Math.max(1, slots.length)] ?? 0;
  const disk = world.claims.get(slot)?.disk;
  const nodeName = world.pods.get(slot)?.node;
  const edit = (change: Partial<ModelWorld["spec"]>): void => {
    world.spec = { ...world.spec, ...change };
    world.generation++;
  };
  world.faultTick = world.tick;
  switch (fault.kind) {
    case "killPod":
      if (nodeName === undefined || world.isReachable(slot)) world.pods.delete(slot);
      return;
    case "drain":
      drain(world, slot);
      return;
    case "wipeDisk":
      if (disk === undefined || !isSpare(world, [disk])) return;
      Object.assign(disk, { ...world.blankDisk(), node: disk.node });
      restart(world, slot);
      return;
    case "damageDisk":
      if (disk === undefined || !isSpare(world, [disk])) return;
      disk.damaged = true;
      restart(world, slot);
      return;
    case "restoreDisk":
      // A disk that never was a member's has promised nothing that an old copy of it could lack.
      if (disk?.clusterId === undefined || disk.incarnation < 2n || !isSpare(world, [disk])) return;
      disk.stale = true;
      disk.incarnation -= 2n;
      disk.log = 0;
      restart(world, slot);
      return;
    case "loseVolume":
      if (disk !== undefined && isSpare(world, [disk])) disk.gone = true;
      return;
    case "nodeUnreachable":
      if (nodeName !== undefined && world.nodes.get(nodeName)?.state === "ok") {
        world.nodes.set(nodeName, { state: "unreachable", since: world.now });
      }
      return;
    case "nodeGone":
    case "nodeOutOfService":
      loseNode(world, nodeName, fault.kind === "nodeGone" ? "gone" : "out-of-service");
      return;
    case "healNodes":
      healNodes(world);
      return;
    case "slowMember":
      if (disk !== undefined) world.slow.add(disk.memberId);
      return;
    case "healMembers":
      world.slow.clear();
      return;
    case "scale":
      edit({ replicas: 1 + (fault.value % 7) });
      return;
    case "roll":
      world.wantedHash = `good-${fault.value}`;
      edit({});
      return;
    case "rollBad":
      world.wantedHash = `bad-${fault.value}`;
      edit({});
      return;
    case "rollUnready":
      world.wantedHash = `unready-${fault.value}`;
      edit({});
      return;
    case "rollMute":
      world.wantedHash = `mute-${fault.value}`;
      edit({});
      return;
    case "rollBack":
      world.wantedHash = "good-0";
      edit({});
      return;
    case "pause":
    case "unpause":
      edit({ paused: fault.kind === "pause" });
      return;
    case "claimPolicy":
      edit({ whenScaled: fault.value % 2 === 0 ? "Delete" : "Retain" });
      return;
    case "replacementMode":
      edit({ replacementMode: fault.value % 3 === 0 ? "Manual" : "Automatic" });
      return;
    case "recreateResource":
      recreateResource(world);
      return;
    case "wait":
      return;
  }
}

/** A budget that lets a voter go leaves a majority of each half, if there was one (E18). */
function drain(world: ModelWorld, slot: number): void {
  if (!world.isReachable(slot) || !mayEvict(world, slot)) return;
  const isGuarded = world.budget?.voters.includes(slot) === true && world.isReady(slot);
  world.pods.delete(slot);
  if (isGuarded && !world.hasQuorum()) throw new Error("the budget let the quorum go");
}

export function healNodes(world: ModelWorld): void {
  for (const [name, { state }] of world.nodes) {
    if (state === "unreachable") world.nodes.set(name, { state: "ok" });
    if (state === "out-of-service") world.nodes.set(name, { state: "gone" });
  }
  while ([...world.nodes.values()].filter(({ state }) => state === "ok").length < 10) {
    world.nodes.set(world.newId("node-"), { state: "ok" });
  }
}

function restart(world: ModelWorld, slot: number): void {
  if (world.pods.get(slot)?.node === undefined || world.isReachable(slot)) world.pods.delete(slot);
}

function loseNode(world: ModelWorld, name: string | undefined, state: "gone" | "out-of-service"): void {
  if (name === undefined || world.nodes.get(name)?.state === "gone") return;
  const bound = [...world.claims.values()].map(({ disk }) => disk).filter(({ node }) => node === name);
  if (!isSpare(world, bound)) return;
  world.nodes.set(name, { state });
  world.nodes.set(world.newId("node-"), { state: "ok" });
}

/** Without these disks, is there still a majority of each half that has everything that was acknowledged? */
function isSpare(world: ModelWorld, lost: readonly Disk[]): boolean {
  const { raft } = world;
  if (raft === undefined) return false;
  // A founder that was not confirmed yet can't be replaced: the plan stops there, by design.
  if (world.status.clusterId === undefined) return false;
  const whole = [...world.claims.values()]
    .filter(({ disk, deleting }) => !deleting && !lost.includes(disk) && isWhole(world, disk))
    .filter(({ disk }) => disk.log >= raft.acknowledged);
  const ids = new Set(whole.map(({ disk }) => disk.memberId));
  return raft.isDecided(ids);
}

function isWhole(world: ModelWorld, disk: Disk): boolean {
  const node = world.nodes.get(disk.node ?? "")?.state ?? "ok";
  return !disk.gone && !disk.damaged && !disk.stale && node !== "gone" && node !== "out-of-service";
}

/** Deleted with Retain and made again: status is gone, claims are not. */
function recreateResource(world: ModelWorld): void {
  world.pods.clear();
  world.kept = 0;
  world.keptVersion++;
  world.template = undefined;
  world.minAvailable = undefined;
  world.status = {};
  world.statusVersion++;
  world.generation++;
}
