import { clientPlace } from "../network/types.ts";
import { linkKey } from "../plan/apply-network.ts";
import { type ApplyFault, type FaultContext, type FaultOf, slotAt } from "../plan/fault-context.ts";
import type { FaultKind, OperatorFaultKind } from "../plan/types.ts";
import { operatorNowMs } from "./operator-time.ts";
import type { Place } from "./place.ts";
import { operatorPlace } from "./replica-caller.ts";
import type { SimulatedOperator } from "./simulated-operator.ts";

type Apply<K extends FaultKind> = (
  context: FaultContext & { readonly operator: SimulatedOperator },
  fault: FaultOf<K>,
) => void;

/** Its node is out of reach for a time; then it is back, or nobody will ever see it again. */
const loseNode: Apply<"lose-node"> = (context, fault) => {
  const { operator, cluster } = context;
  const { world, slots, shape } = cluster;
  const place = operator.placeOf(fault.slot);
  const node = place?.pod?.node;
  const slot = slotAt(context, fault.slot);
  if (place === undefined || slot === undefined || node?.isOk !== true) return;
  const member = slot.disk.durableLog()?.memberId;
  // Past the deadline it may be replaced, so it counts among those that are lost.
  const { isAttachable } = operator.platform;
  // Until a cluster is founded or found again every disk must be asked: no operator goes on without one.
  if (operator.api.resource.status.clusterId === undefined && !isAttachable && fault.fate !== "back") return;
  if (!isAttachable && !mayLose(context, place)) return;
  if (member !== undefined && !isAttachable) context.losses.risk(member);
  const others = [...slots.map(({ index }) => index), operatorPlace];
  for (let client = 0; client < shape.clients; client += 1) others.push(clientPlace(client));
  const links = others
    .filter((other) => other !== slot.index)
    .flatMap((other) => [linkKey([slot.index, other]), linkKey([other, slot.index])]);
  for (const link of links) context.cuts.take(link);
  if (fault.stops) {
    context.down.take(slot);
    slot.crash();
  }
  node.becomeUnreachable(operatorNowMs(world), () => {
    for (const link of links) context.cuts.letGo(link);
    if (fault.stops) context.down.letGo(slot);
    if (member !== undefined) context.losses.endRisk(member);
  });
  world.coverage.count("operator.node-lost");
  context.later(fault.forMs, () => {
    if (node.state.state !== "unreachable") return;
    if (fault.fate === "back") {
      node.comeBack();
      return;
    }
    if (member !== undefined && !isAttachable) context.losses.add(member);
    node.end(fault.fate);
    operator.platform.machineEnded(node);
  });
};

/** Somebody deletes a volume, and perhaps the process that uses it. */
const deleteClaim: Apply<"delete-claim"> = (context, fault) => {
  const place = context.operator.placeOf(fault.slot);
  const member = place?.slot.disk.durableLog()?.memberId;
  // Of a volume that nobody has written to yet nobody could say later what was lost with it.
  if (place?.claim === undefined || member === undefined || !mayLose(context, place)) return;
  context.losses.add(member);
  const { platform } = context.operator;
  platform.deleteClaim(place, place.claim.uid);
  if (fault.withPod && place.pod !== undefined) platform.deletePod(place, place.pod.uid, "delete");
};

/** A drain: asks the budget, as everybody does who evicts. */
const evictPod: Apply<"evict-pod"> = ({ operator, cluster, say }, fault) => {
  const place = operator.placeOf(fault.slot);
  if (place?.pod === undefined || place.pod.deleting) return;
  if (!operator.platform.mayEvict(place)) {
    say(() => "the budget does not allow it");
    return;
  }
  operator.rules.draining(place);
  cluster.world.coverage.count("operator.drained");
  operator.platform.deletePod(place, place.pod.uid, "delete");
};

const cutOperator: Apply<"cut-operator"> = ({ cuts, later }, fault) => {
  const links = fault.slots.flatMap((slot) => [
    linkKey([slot, operatorPlace]),
    linkKey([operatorPlace, slot]),
  ]);
  for (const link of links) cuts.take(link);
  later(fault.forMs, () => {
    for (const link of links) cuts.letGo(link);
  });
};

const recreate: Apply<"recreate-resource"> = (context, fault) => {
  const { operator, cluster } = context;
  // Every process ends: what is left of a volume that was deleted under one goes with it.
  if (operator.platform.places.some(({ claim }) => claim?.deleting === true)) return;
  for (const index of fault.without) {
    const place = operator.placeOf(index);
    if (place?.claim === undefined || !mayLose(context, place)) continue;
    const member = place.slot.disk.durableLog()?.memberId;
    if (member !== undefined) context.losses.add(member);
    operator.platform.deleteClaim(place, place.claim.uid);
  }
  cluster.world.coverage.count("operator.recreated");
  operator.recreate(fault.replicas, fault.downMs);
};

function mayLose(context: FaultContext, { slot }: Place): boolean {
  const refusal = context.losses.refusal(slot);
  if (refusal !== undefined) context.say(() => `skipped: ${refusal}`);
  return refusal === undefined;
}

/** Does nothing in a run without an operator. */
function withOperator<K extends OperatorFaultKind>(apply: Apply<K>): ApplyFault<K> {
  return (context, fault) => {
    const { operator } = context;
    if (operator !== undefined) apply({ ...context, operator }, fault);
  };
}

export const operatorFaults = {
  "edit-replicas": withOperator(({ operator, cluster }, { replicas }) => {
    cluster.world.coverage.count("operator.spec-edited");
    operator.editReplicas(replicas);
  }),
  "edit-template": withOperator(({ operator }, { bad }) => operator.editTemplate(bad)),
  "lose-node": withOperator(loseNode),
  "delete-claim": withOperator(deleteClaim),
  "evict-pod": withOperator(evictPod),
  "recreate-resource": withOperator(recreate),
  "crash-operator": withOperator(({ operator }, { calls, downMs }) => operator.crash(calls, downMs)),
  "pause-operator": withOperator(({ operator }, { calls, forMs }) => operator.pause(calls, forMs)),
  "operator-weather": withOperator(({ operator, later }, { weather, forMs }) => {
    later(forMs, operator.weather.add(weather));
  }),
  "cut-operator": withOperator(cutOperator),
} satisfies { readonly [K in OperatorFaultKind]: ApplyFault<K> };
