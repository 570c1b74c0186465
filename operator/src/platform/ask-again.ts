import { type ObservedReplica, observeConfiguration, observeReplica } from "../member/observe-members.ts";
import type { ReplicaAddress } from "../member/replica-client.ts";
import type { ReplicasContext } from "./act-on-replicas.ts";
import { StepOutdatedError } from "./step-outdated-error.ts";

type Asked = ObservedReplica & { readonly address: ReplicaAddress };

/**
 * Before the volume of a slot is deleted: the same configuration is in force, its leader still hears of no member
 * there, and who was silent still is. Rejects with a StepOutdatedError when something changed since the plan was
 * made (E1).
 */
export async function askAgain(slot: number, context: ReplicasContext): Promise<void> {
  const { input, addresses, memberIn } = context;
  // Every process has ended: there is nobody to ask.
  if (input.deleting) return;
  const asked = new Map<number, Asked>();
  await Promise.all(
    [...addresses].map(async ([index, address]) => {
      asked.set(index, { ...(await observeReplica(address, memberIn(index))), address });
    }),
  );
  const planned = input.configuration;
  const now = await observeConfiguration([...asked.values()], () => undefined);
  if (now === undefined) throw new StepOutdatedError("asked again, nobody answers with a majority behind it");
  if (now.index !== planned?.index || now.joint || !now.committed)
    throw new StepOutdatedError("asked again, the configuration is another one");
  const { name } = memberIn(slot);
  if (now.members.some((member) => member.name === name && member.active))
    throw new StepOutdatedError(`asked again, the leader hears of ${name}`);
  const report = input.slots.find(({ index }) => index === slot)?.report;
  const wasSilent = report === undefined || report.kind === "silent" || report.kind === "damaged";
  if (wasSilent && asked.get(slot)?.answer !== undefined)
    throw new StepOutdatedError(`asked again, the replica in slot ${slot} answers`);
}
