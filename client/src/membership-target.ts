import type { Identity, TargetMember } from "./membership-client.ts";
import type { Member, MemberList } from "./types.ts";

/** Pure: which configuration to ask for next. Every change names the whole configuration. */

export interface Newcomer {
  readonly id: bigint;
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
}

/** The configuration in force, as a target; members on their way out are not in it. */
export function targetFromList(list: MemberList): TargetMember[] {
  return list.members
    .filter(({ kind }) => kind !== "outgoing")
    .map(({ id, name, peerUrl, clientUrl, kind }) => ({
      id,
      name,
      peerUrl,
      clientUrl,
      kind: kind === "learner" ? "learner" : "voter",
    }));
}

/** The present configuration with newcomers as learners. */
export function withLearners(list: MemberList, newcomers: readonly Newcomer[]): TargetMember[] {
  const present = targetFromList(list);
  const known = new Set(present.map(({ id }) => id));
  const added = newcomers.filter(({ id }) => !known.has(id));
  return [...present, ...added.map((newcomer) => ({ ...newcomer, kind: "learner" as const }))];
}

/** The present configuration with some made voters and some gone: one joint change. */
export function withChange(
  list: MemberList,
  change: { readonly promote?: ReadonlySet<bigint>; readonly remove?: ReadonlySet<bigint> },
): TargetMember[] {
  return targetFromList(list)
    .filter(({ id }) => change.remove?.has(id) !== true)
    .map((member) => (change.promote?.has(member.id) === true ? { ...member, kind: "voter" } : member));
}

/** Whether the configuration in force is the target, committed, with no change under way. */
export function isInForce(list: MemberList, target: readonly TargetMember[]): boolean {
  if (list.joint || !list.committed || list.members.length !== target.length) return false;
  const kinds = new Map(list.members.map(({ id, kind }) => [id, kind]));
  return target.every(({ id, kind }) => kinds.get(id) === kind);
}

/** Those that the leader replicates to and that have everything up to `index`. */
export function caughtUp(list: MemberList, ids: Iterable<bigint>, index: bigint): boolean {
  const members = new Map(list.members.map((member) => [member.id, member]));
  for (const id of ids) {
    const progress = members.get(id)?.progress;
    if (progress === undefined || !progress.active) return false;
    if (progress.state !== "replicate" || progress.matchIndex < index) return false;
  }
  return true;
}

/** A member by id (16 hexadecimal digits), name or URL; undefined when there is none or more than one. */
export function findMember(list: MemberList, text: string): Member | undefined {
  const found = list.members.filter(
    ({ id, name, peerUrl, clientUrl }) =>
      id.toString(16).padStart(16, "0") === text.toLowerCase() ||
      name === text ||
      peerUrl === text ||
      clientUrl === text,
  );
  return found.length === 1 ? found[0] : undefined;
}

export type Admission =
  | { readonly type: "blank" }
  /** It is in the configuration already: an addition that was interrupted goes on. */
  | { readonly type: "present"; readonly member: Member }
  | { readonly type: "refused"; readonly message: string };

/** Whether a replica may be added: only a blank disk joins. */
export function admissionOf(identity: Identity, list: MemberList): Admission {
  const member = list.members.find(({ id }) => id === identity.memberId);
  if (member !== undefined) return { type: "present", member };
  const peerUrl = identity.peerUrl;
  if (identity.removed) {
    const message = `it was removed from the cluster: run "rstore reset --peer-url ${peerUrl}" first, which sets its data aside`;
    return { type: "refused", message };
  }
  if (identity.clusterId === 0n) return { type: "blank" };
  if (identity.clusterId !== list.header.clusterId) {
    const message = "its data directory belongs to another cluster: start it with an empty one";
    return { type: "refused", message };
  }
  const message = `it belongs to this cluster but is no member any more: run "rstore reset --peer-url ${peerUrl}" first`;
  return { type: "refused", message };
}
