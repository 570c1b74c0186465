import type { Client } from "../client.ts";
import { RstoreError } from "../errors.ts";
import type { Identity, MembershipClient } from "../membership-client.ts";
import type { MemberList } from "../types.ts";

const identityTimeoutMs = 1_000;
const listTimeoutMs = 2_000;

/** undefined: silent, or something else answers there. */
export async function observeIdentity(replica: MembershipClient): Promise<Identity | undefined> {
  try {
    return await replica.identity({ timeoutMs: identityTimeoutMs });
  } catch (error) {
    if (error instanceof RstoreError) return undefined;
    throw error;
  }
}

export interface ObservedMembers {
  readonly members: MemberList | undefined;
  readonly commitIndex: bigint | undefined;
}

/**
 * A linearizable list, and how far the leader's log is. It must be asked for after the identities: a disk
 * with a cluster id whose member is not in a later list was removed.
 */
export async function observeMembers(client: Client): Promise<ObservedMembers> {
  try {
    const members = await client.listMembers({ timeoutMs: listTimeoutMs });
    const leader = members.members.find(({ id }) => id === members.header.leaderId);
    if (leader === undefined) return { members, commitIndex: undefined };
    const status = await client.status({ endpoint: leader.clientUrl, timeoutMs: listTimeoutMs });
    return { members, commitIndex: status.commitIndex };
  } catch (error) {
    if (error instanceof RstoreError) return { members: undefined, commitIndex: undefined };
    throw error;
  }
}
