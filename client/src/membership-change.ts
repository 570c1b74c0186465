import { idText } from "./bytes.ts";
import type { Client } from "./client.ts";
import { RstoreError } from "./errors.ts";
import { type Identity, type TargetMember, withMembershipClient } from "./membership-client.ts";
import { caughtUp, isInForce, type Newcomer, withChange, withLearners } from "./membership-target.ts";
import type { MemberList } from "./types.ts";

export interface ChangeOptions {
  /** For the whole change, catching up included. */
  readonly timeoutMs: number;
  /** Told what is being done, a line at a time. */
  readonly onProgress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

const pollIntervalMs = 200;

export function askIdentity(peerUrl: string, timeoutMs = 5_000): Promise<Identity> {
  const identity = withMembershipClient(peerUrl, (replica) => replica.identity({ timeoutMs }), { timeoutMs });
  return identity.catch((error: unknown) => {
    if (!(error instanceof RstoreError) || error.reason !== "unimplemented") throw error;
    const message = `${peerUrl} is no peer port, perhaps that of clients: give the replica's --peer-advertise`;
    throw new RstoreError("invalid-argument", message, { cause: error });
  });
}

/** The peer URL of the leader, from a linearizable list. */
export async function leaderPeerUrl(client: Client): Promise<string> {
  const list = await client.listMembers();
  const leader = list.members.find(({ id }) => id === list.header.leaderId);
  if (leader === undefined) {
    throw new RstoreError("no-leader", "the cluster has no leader now: try again in a few seconds");
  }
  return leader.peerUrl;
}

/**
 * Brings the cluster to the target that `planTarget` makes of the list. The change carries the index of the
 * configuration that it was planned with, so it is safe to send again when its outcome is unknown: it is
 * done once, or refused because the configuration has moved on, and then the list says what is in force.
 */
export async function changeConfiguration(
  client: Client,
  planTarget: (list: MemberList) => readonly TargetMember[],
  options: ChangeOptions,
): Promise<MemberList> {
  const deadlineMs = performance.now() + options.timeoutMs;
  const first = await settledList(client, deadlineMs, options.signal);
  const target = planTarget(first);
  let list = first;
  for (;;) {
    options.signal?.throwIfAborted();
    if (isInForce(list, target)) return list;
    if (list.configurationIndex !== first.configurationIndex && !list.joint) {
      throw new RstoreError("configuration-mismatch", "somebody else has changed the members: look again", {
        facts: { index: list.configurationIndex },
      });
    }
    try {
      const peerUrl = await leaderPeerUrl(client);
      const timeoutMs = Math.max(1_000, deadlineMs - performance.now());
      await withMembershipClient(peerUrl, (leader) =>
        leader.changeMembership(first.configurationIndex, target, { timeoutMs }),
      );
    } catch (error) {
      if (!mayPass(error) || performance.now() >= deadlineMs) throw error;
    }
    await pause(pollIntervalMs, options.signal);
    list = await client.listMembers();
  }
}

/** The list once no change is under way, so that a target is never planned from half of another's change. */
async function settledList(
  client: Client,
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<MemberList> {
  for (;;) {
    const list = await client.listMembers();
    if (!list.joint && list.committed) return list;
    if (performance.now() >= deadlineMs) {
      throw new RstoreError(
        "change-in-progress",
        "another change of membership does not end: look at `member list`",
      );
    }
    await pause(pollIntervalMs, signal);
  }
}

/** Failures after which the same change is worth sending again, or looking for in the list. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof RstoreError)) return false;
  if (error.outcome === "unknown") return true;
  return (
    error.reason === "not-leader" ||
    error.reason === "no-leader" ||
    error.reason === "unavailable" ||
    error.reason === "learner-not-ready" ||
    error.reason === "change-in-progress" ||
    error.reason === "configuration-mismatch"
  );
}

/** Waits until the leader has brought these learners up to where the log is now. */
export async function waitCaughtUp(
  client: Client,
  ids: ReadonlySet<bigint>,
  options: ChangeOptions,
): Promise<void> {
  const deadlineMs = performance.now() + options.timeoutMs;
  let index: bigint | undefined;
  for (;;) {
    options.signal?.throwIfAborted();
    const list = await client.listMembers();
    const leader = list.members.find(({ id }) => id === list.header.leaderId);
    if (leader !== undefined) {
      index ??= (await client.status({ endpoint: leader.clientUrl })).commitIndex;
      if (caughtUp(list, ids, index)) return;
    }
    if (performance.now() >= deadlineMs) {
      const message = `not caught up within ${Math.round(options.timeoutMs / 1_000)} s; it stays a learner: look at its log, then promote it or remove it`;
      throw new RstoreError("learner-not-ready", message);
    }
    await pause(pollIntervalMs, options.signal);
  }
}

/**
 * Adds newcomers as learners, waits until they have caught up, then promotes them and removes others in one
 * joint change. Newcomers that are in the configuration already are not added twice, so an interrupted
 * change can be repeated.
 */
export async function replaceMembers(
  client: Client,
  change: { readonly add: readonly Newcomer[]; readonly remove: ReadonlySet<bigint> },
  options: ChangeOptions,
): Promise<MemberList> {
  const promote = new Set(change.add.map(({ id }) => id));
  const names = (entries: readonly { readonly name: string }[]) => entries.map(({ name }) => name).join(", ");
  if (promote.size > 0) {
    options.onProgress?.(`adding ${names(change.add)} as learner`);
    await changeConfiguration(client, (list) => withLearners(list, change.add), options);
    options.onProgress?.(`waiting until ${names(change.add)} has caught up`);
    await waitCaughtUp(client, promote, options);
  }
  const steps = [
    ...(promote.size > 0 ? [`promoting ${names(change.add)}`] : []),
    ...(change.remove.size > 0 ? [`removing ${[...change.remove].map(idText).join(", ")}`] : []),
  ];
  options.onProgress?.(`${steps.join(", ")} by one joint change`);
  return changeConfiguration(client, (list) => withChange(list, { promote, remove: change.remove }), options);
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(new RstoreError("canceled", "given up", { cause: signal?.reason }));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
