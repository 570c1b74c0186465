import { Administrator } from "../cluster/administrator.ts";
import type { Slot } from "../cluster/types.ts";
import { cutOff } from "./apply-network.ts";
import { type ApplyFault, type FaultContext, type FaultOf, slotAt } from "./fault-context.ts";
import type { FaultKind } from "./types.ts";

function applyChangeMembership(context: FaultContext, fault: FaultOf<"change-membership">): void {
  const slots = (indices: readonly number[]): Slot[] =>
    indices.flatMap((index) => slotAt(context, index) ?? []);
  const voters = slots(fault.target);
  if (voters.length === 0) return;
  context.administrator.change({ voters, learners: slots(fault.learners), ghosts: slots(fault.neverUp) });
}

function applyReplaceLost({ administrator }: FaultContext): void {
  administrator.replaceLost();
}

function applyTransfer(context: FaultContext, { to }: FaultOf<"transfer">): void {
  const slot = slotAt(context, to);
  if (slot !== undefined) context.administrator.transfer(slot);
}

function applyBootstrapAgain(context: FaultContext, fault: FaultOf<"bootstrap-again">): void {
  const slot = slotAt(context, fault.slot);
  if (slot !== undefined) context.administrator.bootstrapAgain(slot, fault.otherCluster);
}

/** How long it is waited for a change, in ms. */
const STRIKE_WAIT_MS = 6000;

function applyStrikeChange(context: FaultContext, fault: FaultOf<"strike-change">): void {
  const { cluster } = context;
  let strikeIn: number | undefined;
  const watch = (slot: Slot): void => {
    if (slot.member?.isLeader !== true) return;
    if (strikeIn === undefined && isMidChange(slot, fault.when)) strikeIn = fault.steps;
    else if (strikeIn !== undefined) strikeIn -= 1;
    if (strikeIn !== 0) return;
    cluster.watchers.delete(watch);
    context.say(() => `strikes at ${slot.name}`);
    strike(context, slot, fault);
  };
  cluster.watchers.add(watch);
  context.later(STRIKE_WAIT_MS, () => cluster.watchers.delete(watch));
}

function isMidChange({ member }: Slot, when: "joint" | "leaving"): boolean {
  const { configuration, index } = member!.node.configuration;
  const { outgoing } = configuration;
  if (when === "joint") return outgoing.length > 0;
  return outgoing.length === 0 && index > member!.node.log.committed;
}

function strike(context: FaultContext, leader: Slot, { how, forMs }: FaultOf<"strike-change">): void {
  const { cluster } = context;
  const { voters, outgoing } = leader.member!.node.configuration.configuration;
  if (how === "crash-leader") {
    context.down.take(leader);
    context.later(forMs, () => context.down.letGo(leader));
    leader.crash();
    return;
  }
  const newcomers = voters.filter((id) => !outgoing.includes(id));
  const side = cluster.slots.filter(
    (slot) =>
      slot === leader ||
      (how === "cut-newcomers" && slot.member !== undefined && newcomers.includes(slot.member.id)),
  );
  cutOff(
    context,
    side.map(({ index }) => index),
    forMs,
  );
  if (how === "cut-newcomers" && context.random.chance(PAUSE_CHANCE)) {
    // Time stands still for it while the others elect another one; then it does not know that.
    context.paused.take(leader);
    context.later(PAUSE_ELECTIONS * cluster.shape.electionTimeoutMs, () => context.paused.letGo(leader));
  }
  readAt(context, leader, forMs);
}

const PAUSE_CHANCE = 0.5;
const PAUSE_ELECTIONS = 3;

const READ_EVERY_MS = 10;
/** Longer than any leader leads without a quorum. */
const READ_FOR_MS = 4000;
const READ_TIMEOUT_MS = 1000;

/** Of a leader that may be deposed unknowingly: what it confirms reads with is not enough any more (A13, A20). */
function readAt({ cluster, later }: FaultContext, slot: Slot, forMs: number): void {
  const administrator = new Administrator(cluster);
  const read = (): void => {
    administrator
      .call(slot, READ_TIMEOUT_MS, (replica, { deadlineMs }) =>
        replica.awaitReadable({ consistency: "linearizable", minRevision: 0n, deadlineMs }),
      )
      .catch(() => undefined);
  };
  for (let atMs = 0; atMs < Math.min(forMs, READ_FOR_MS); atMs += READ_EVERY_MS) later(atMs, read);
}

function applyHastyChange(context: FaultContext, { slot: index, isEarly }: FaultOf<"hasty-change">): void {
  const { cluster, administrator } = context;
  const leaders = cluster.leaders().map(({ member }) => member?.node.term ?? 0n);
  const watch = ({ member, index: at }: Slot): void => {
    if (member?.isLeader !== true || leaders.includes(member.node.term)) return;
    if (member.node.status().committedInTerm === isEarly) return;
    cluster.watchers.delete(watch);
    const target = slotAt(context, index);
    if (target !== undefined) administrator.hasten(cluster.slots[at]!, target);
  };
  cluster.watchers.add(watch);
  context.later(STRIKE_WAIT_MS, () => cluster.watchers.delete(watch));
}

export const membershipFaults = {
  "strike-change": applyStrikeChange,
  "hasty-change": applyHastyChange,
  "change-membership": applyChangeMembership,
  "replace-lost": applyReplaceLost,
  "bootstrap-again": applyBootstrapAgain,
  transfer: applyTransfer,
} satisfies Partial<{ [K in FaultKind]: ApplyFault<K> }>;
