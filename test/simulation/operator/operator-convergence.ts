import type { SimCluster, Slot } from "../cluster/types.ts";
import { idText } from "./observe-members.ts";
import type { SimulatedOperator } from "./simulated-operator.ts";

/** What is missing until the store is as the resource asks for, and its status says so; undefined: nothing. */
export function missingToSettle(cluster: SimCluster, operator: SimulatedOperator): string | undefined {
  const { replicas } = operator.api.resource.spec;
  const wanted = cluster.slots.slice(0, replicas);
  return (
    missingMembers(operator, wanted) ?? missingPlaces(operator, replicas) ?? missingStatus(operator, wanted)
  );
}

function missingMembers({ truth }: SimulatedOperator, wanted: readonly Slot[]): string | undefined {
  truth.look();
  const { known, leaderlessSinceUs } = truth;
  if (known === undefined || leaderlessSinceUs !== undefined) return "no leader is established";
  if (!known.isSettled) return "the configuration is not settled";
  const { voters, learners } = known.configuration;
  if (learners.length > 0) return `${learners.length} learners are left`;
  for (const { name, member } of wanted) {
    if (member === undefined) return `${name} is not at work`;
    if (!voters.includes(member.id)) return `${name} is no voter`;
    if (!truth.isSteady(member.id, 0)) return `${name} has not caught up`;
  }
  return voters.length === wanted.length ? undefined : `${voters.length} voters, wanted are ${wanted.length}`;
}

function missingPlaces({ platform, api }: SimulatedOperator, replicas: number): string | undefined {
  if (platform.set.kept !== replicas) return `${platform.set.kept} slots are kept`;
  for (const { slot, pod, claim } of platform.places) {
    const isWanted = slot.index < replicas;
    if (isWanted !== (pod !== undefined)) return `${slot.name} has ${isWanted ? "no" : "a"} process`;
    if (pod?.deleting) return `the process of ${slot.name} is ending`;
    if (pod !== undefined && pod.templateHash !== api.resource.wantedTemplate)
      return `${slot.name} has an old template`;
    if (pod !== undefined && !pod.marked) return `${slot.name} is not marked as a voter`;
    if (isWanted && claim?.deleting === true) return `the claim of ${slot.name} is being deleted`;
    if (!isWanted && claim !== undefined && api.resource.spec.whenScaled === "Delete")
      return `the claim of ${slot.name} is left`;
  }
  const majority = Math.floor(replicas / 2) + 1;
  return platform.minAvailable === majority ? undefined : `the budget is ${platform.minAvailable}`;
}

/** E14: in the end status says what is so. */
function missingStatus({ api }: SimulatedOperator, wanted: readonly Slot[]): string | undefined {
  const { status, generation, spec } = api.resource;
  const expected = { Available: "True", Progressing: "False", Degraded: "False" } as const;
  for (const [type, value] of Object.entries(expected)) {
    const condition = status.conditions?.find((candidate) => candidate.type === type);
    if (condition?.status !== value) {
      return `${type} is ${condition?.status} (${condition?.reason}: ${condition?.message})`;
    }
    if (condition.observedGeneration !== generation) return `${type} is of an old generation`;
  }
  if (status.change !== undefined) return `latched: ${status.change.kind}: ${status.change.reason}`;
  if (status.scaleOut !== undefined) return "an attempt to grow is recorded";
  if (status.settledReplicas !== spec.replicas) return `settledReplicas is ${status.settledReplicas}`;
  if (status.ready !== `${spec.replicas}/${spec.replicas}`) return `ready is ${status.ready}`;
  if (status.clusterId !== idText(wanted[0]?.member?.clusterId ?? 0n)) {
    return `status names cluster ${status.clusterId}`;
  }
  const told = new Map((status.members ?? []).map((member) => [member.id, member]));
  if (told.size !== wanted.length) return `status names ${told.size} members`;
  for (const { member, name, index } of wanted) {
    const of = told.get(idText(member?.id ?? 0n));
    if (of === undefined) return `status does not name the member of ${name}`;
    if (of.slot !== index || of.health !== "Healthy") return `${name} is told as ${of.health} in ${of.slot}`;
    const isLeader = member?.isLeader === true;
    if (isLeader !== (of.role === "Leader")) return `${name} is told as ${of.role}`;
  }
  return undefined;
}
