import type { ReplicatedStoreStatus } from "@rstore/operator/api/v1alpha1/types";
import type { PlanInput } from "@rstore/operator/plan/observation";
import type { ChangeMembership, RestartSlot, StatusStep, Step } from "@rstore/operator/plan/step";
import { ReplicaError, type TargetMember } from "@rstore/replica/runtime/replica-api";
import type { SimCluster } from "../cluster/types.ts";
import type { ApiServer } from "./api-server.ts";
import type { Basis, DisruptionRules } from "./disruption-rules.ts";
import { idFromText } from "./observe-members.ts";
import type { ReplicaCaller } from "./replica-caller.ts";
import type { SimPlatform } from "./sim-platform.ts";
import { CallFailed, type SimObjects, type SimResource, type SimSet } from "./types.ts";

const CHANGE_TIMEOUT_MS = 3000;
const ACT_TIMEOUT_MS = 1000;

/** What the steps of one turn were planned on; moves on with the turn's own writes. */
export interface TurnState {
  resource: SimResource;
  set: SimSet;
  budgetVersion: number;
  readonly objects: SimObjects;
  readonly input: PlanInput;
  readonly basis: Basis;
}

export interface ActParts {
  readonly cluster: SimCluster;
  readonly api: ApiServer;
  readonly platform: SimPlatform;
  readonly caller: ReplicaCaller;
  readonly rules: DisruptionRules;
  /** A change was refused since this member was removed at that index. */
  readonly refusedAsRemoved: (id: string, index: bigint) => void;
}

/** Carries one step out, by uid, id, version or index, as the Kubernetes platform does. Rejects when it could not. */
export async function act(parts: ActParts, step: Step, turn: TurnState): Promise<void> {
  const { api, platform } = parts;
  switch (step.kind) {
    case "startSlot":
      turn.set = platform.editSet(turn.set.version, { kept: Math.max(turn.set.kept, step.slot + 1) });
      return;
    case "stopSlots":
      if (turn.set.version === platform.set.version) parts.rules.stopping(step.from, turn.basis);
      turn.set = platform.editSet(turn.set.version, { kept: Math.min(turn.set.kept, step.from) });
      return;
    case "setTemplate":
      turn.set = platform.editSet(turn.set.version, { template: step.hash });
      return;
    case "restartSlot":
      return restartSlot(parts, step, turn);
    case "deleteClaim": {
      const place = platform.places[step.slot]!;
      if (place.claim?.uid !== step.uid || place.claim.deleting) return;
      parts.rules.deletingClaim(place, turn.basis);
      platform.deleteClaim(place, step.uid);
      parts.cluster.world.coverage.count("operator.claim-deleted");
      return;
    }
    case "bootstrap":
      await callSlot(parts, turn, step.slot, async (replica) => {
        const ids = [idFromText(step.clusterId), idFromText(step.memberId)] as const;
        const founded = await replica.bootstrap(...ids);
        parts.rules.founding(...ids);
        return founded;
      });
      return;
    case "changeMembership":
      return changeMembership(parts, step, turn);
    case "transferLeadership":
      await callSlot(parts, turn, leaderSlot(turn), (replica, options) =>
        replica.transferLeadership(idFromText(step.to), options),
      );
      return;
    case "resetMember":
      await callSlot(parts, turn, step.slot, (replica) => {
        const id = idFromText(step.memberId);
        parts.rules.resetting(id, replica.identity().memberId);
        return replica.reset(idFromText(step.clusterId), id, step.removedIndex);
      });
      return;
    case "setBudget": {
      const marks = new Map(
        turn.objects.slots.flatMap(({ index, replica }) =>
          replica === undefined ? [] : [[replica.uid, step.voters.includes(index)] as const],
        ),
      );
      turn.budgetVersion = platform.setBudget(turn.budgetVersion, step.minAvailable, marks);
      return;
    }
    case "latch":
    case "clearLatch":
    case "recordBootstrap":
    case "recordClusterId":
    case "recordScaleOut":
      turn.resource = api.writeStatus(turn.resource.version, withStep(turn.resource.status, step));
      if (step.kind === "recordClusterId" && turn.input.status.bootstrap === undefined) {
        parts.cluster.world.coverage.count("operator.adopted");
      }
      return;
    case "event":
      if (step.eventReason === "ScaleOutGivenUp") parts.cluster.world.coverage.count("operator.gave-up");
      return;
    case "finishDeletion":
      return;
  }
}

function withStep(status: ReplicatedStoreStatus, step: StatusStep): ReplicatedStoreStatus {
  const { change: _, scaleOut: __, ...rest } = status;
  const { change, scaleOut } = status;
  const kept = { ...rest, ...(change && { change }), ...(scaleOut && { scaleOut }) };
  switch (step.kind) {
    case "latch":
      return { ...kept, change: step.change };
    case "clearLatch":
      return { ...rest, ...(scaleOut && { scaleOut }) };
    case "recordBootstrap":
      return { ...kept, bootstrap: step.bootstrap };
    case "recordClusterId":
      return { ...kept, clusterId: step.clusterId };
    case "recordScaleOut":
      return { ...rest, ...(change && { change }), ...(step.scaleOut && { scaleOut: step.scaleOut }) };
  }
}

function restartSlot(
  { platform, rules, cluster }: ActParts,
  { slot, replicaUid, how }: RestartSlot,
  turn: TurnState,
): void {
  const place = platform.places[slot]!;
  if (place.pod?.uid !== replicaUid || (place.pod.deleting && how !== "force")) return;
  if (how === "evict" && !platform.mayEvict(place)) throw new CallFailed("the budget does not allow it");
  rules.restarting(place, how, turn.basis);
  platform.deletePod(place, replicaUid, how === "force" ? "force" : "delete");
  cluster.world.coverage.count("operator.restarted");
}

async function changeMembership(
  parts: ActParts,
  { expectedIndex, target }: ChangeMembership,
  turn: TurnState,
): Promise<void> {
  const { cluster, rules } = parts;
  const members = target.map(({ id, kind, slot }): TargetMember => {
    const known = turn.input.configuration?.members.some((member) => member.id === id) === true;
    // What is known of a member stays; a newcomer says where it is.
    if (known) return { id: idFromText(id), kind, name: "", peerUrl: "", clientUrl: "" };
    const at = slot === undefined ? undefined : cluster.slots[slot];
    if (at === undefined) throw new CallFailed(`the new member ${id} is in no slot`);
    return { id: idFromText(id), kind, name: at.name, peerUrl: at.peerUrl, clientUrl: at.clientUrl };
  });
  const voters = members.filter(({ kind }) => kind === "voter").map(({ id }) => id);
  try {
    await callSlot(
      parts,
      turn,
      leaderSlot(turn),
      (replica, options) => {
        rules.changing(voters, expectedIndex, turn.basis);
        return replica.changeMembership(expectedIndex, members, options);
      },
      CHANGE_TIMEOUT_MS,
    );
  } catch (error) {
    if (error instanceof ReplicaError && error.reason === "member-removed") {
      const [, id] = /member ([0-9a-f]{16}) was removed/.exec(error.message) ?? [];
      if (id !== undefined) parts.refusedAsRemoved(id, error.detail.index ?? 0n);
    }
    throw error;
  }
}

/** At the process that was seen there. */
function callSlot(
  { caller }: ActParts,
  { objects }: TurnState,
  slot: number,
  ask: Parameters<ReplicaCaller["call"]>[2],
  timeoutMs = ACT_TIMEOUT_MS,
): Promise<unknown> {
  const podUid = objects.slots.find(({ index }) => index === slot)?.replica?.uid;
  if (podUid === undefined) throw new CallFailed(`nothing was seen in slot ${slot}`);
  return caller.call({ slot, podUid }, timeoutMs, ask);
}

function leaderSlot({ input }: TurnState): number {
  const id = input.configuration?.leader;
  const slot = input.slots.find(({ report }) => report.kind === "member" && report.memberId === id);
  if (slot === undefined) throw new CallFailed("the leader is in no slot that answers");
  return slot.index;
}
