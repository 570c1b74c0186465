import type { Configuration, MemberId, TargetConfiguration } from "../types.ts";
import { ascending, CONTEXT_MAX_BYTES, isJoint, MEMBERS_MAX, VOTERS_MAX } from "./configuration.ts";

/** Why no cluster may ever have this configuration; undefined when it may. */
export function invalidTarget(target: TargetConfiguration): string | undefined {
  const { voters, learners, context } = target;
  if (voters.length === 0) return "a configuration needs at least one voter";
  if (voters.length > VOTERS_MAX) return `${voters.length} voters, at most ${VOTERS_MAX} are allowed`;
  const count = voters.length + learners.length;
  if (count > MEMBERS_MAX) return `${count} members, at most ${MEMBERS_MAX} are allowed`;
  const seen = new Set<MemberId>();
  for (const member of [...voters, ...learners]) {
    if (member === 0n) return "0 is no member id";
    if (seen.has(member)) return `member ${member.toString(16)} is named twice`;
    seen.add(member);
  }
  if (context.length > CONTEXT_MAX_BYTES) {
    return `context of ${context.length} bytes, at most ${CONTEXT_MAX_BYTES} are allowed`;
  }
  return undefined;
}

/**
 * The configuration to append on the way from `current` to a valid `target`. With the same voters it is the
 * target itself, since quorums stay as they are; otherwise it is joint (Raft §6): both sets of voters decide,
 * and an outgoing voter that shall be a learner becomes one only when the joint configuration is left.
 */
export function changeTowards(current: Configuration, target: TargetConfiguration): Configuration {
  const voters = ascending(target.voters);
  const learners = ascending(target.learners);
  const outgoing = current.voters;
  const sameVoters = voters.length === outgoing.length && voters.every((id, i) => id === outgoing[i]);
  if (sameVoters) return { voters, outgoing: [], learners, learnersNext: [], context: target.context };
  return {
    voters,
    outgoing,
    learners: learners.filter((id) => !outgoing.includes(id)),
    learnersNext: learners.filter((id) => outgoing.includes(id)),
    context: target.context,
  };
}

/** The configuration that ends a joint one: the incoming half alone. */
export function leaveJoint(joint: Configuration): Configuration {
  return {
    voters: joint.voters,
    outgoing: [],
    learners: ascending([...joint.learners, ...joint.learnersNext]),
    learnersNext: [],
    context: joint.context,
  };
}

/** What is wrong with a configuration as such; undefined for a sound one. */
export function configurationFault(configuration: Configuration): string | undefined {
  const { voters, outgoing, learners, learnersNext } = configuration;
  for (const list of [voters, outgoing, learners, learnersNext]) {
    for (let i = 0; i < list.length; i++) {
      if (list[i] === 0n) return "0 is no member id";
      if (i > 0 && list[i - 1]! >= list[i]!) return "member ids do not ascend";
    }
  }
  if (voters.length === 0 && (isJoint(configuration) || learners.length > 0)) return "no voters";
  if (voters.length > VOTERS_MAX || outgoing.length > VOTERS_MAX) return "too many voters";
  if (learners.length + learnersNext.length > MEMBERS_MAX) return "too many learners";
  if (learners.some((id) => voters.includes(id) || outgoing.includes(id))) return "a learner has a vote";
  if (learnersNext.some((id) => voters.includes(id) || !outgoing.includes(id))) {
    return "a learner to be is no outgoing voter";
  }
  return undefined;
}
