import type { Configuration, MemberId } from "../types.ts";

/** Limits on a configuration; a target beyond them is refused. */
export const VOTERS_MAX = 9;
export const MEMBERS_MAX = 16;
export const CONTEXT_MAX_BYTES = 64 * 1024;

/** That of a member that has not joined a cluster yet. */
export const EMPTY_CONFIGURATION: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  learnersNext: [],
  context: new Uint8Array(0),
};

export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

/** Has this member a vote, in either half? */
export function isVoter(configuration: Configuration, member: MemberId): boolean {
  return configuration.voters.includes(member) || configuration.outgoing.includes(member);
}

/** Everyone that is sent entries, ascending, each once. */
export function membersOf(configuration: Configuration): MemberId[] {
  const { voters, outgoing, learners } = configuration;
  return ascending(new Set([...voters, ...outgoing, ...learners]));
}

export function isMember(configuration: Configuration, member: MemberId): boolean {
  return isVoter(configuration, member) || configuration.learners.includes(member);
}

export function ascending(members: Iterable<MemberId>): MemberId[] {
  return [...members].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
