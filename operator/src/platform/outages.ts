import type { ObservedReplica } from "../member/observe-members.ts";
import type { Report } from "../plan/observation.ts";

/** What keeps each process from serving, and since when, by its uid: kept between looks. Losing it only delays. */
export type Outages = Map<string, { readonly kind: "silent" | "leaderless"; readonly since: number }>;

interface Look {
  /** Of the process, or a name of its slot when there is none. */
  readonly uid: string;
  readonly observed: ObservedReplica | undefined;
  /** Why starting it again does not help. */
  readonly damage: string | undefined;
  /** Milliseconds since the epoch; undefined: it is ready, 0: since when is not known. */
  readonly unreadySince: number | undefined;
  readonly nowMs: number;
}

/** What is reported of a replica at this look, with since when that is so. */
export function reportOf(outages: Outages, look: Look): Report {
  const { uid, observed, damage, unreadySince, nowMs } = look;
  const answer = observed?.answer;
  if (answer === undefined) {
    return damage === undefined
      ? { kind: "silent", since: lastsSince(outages, uid, "silent", nowMs) }
      : { kind: "damaged", detail: damage };
  }
  // Who does not answer for its status may lead.
  const isLeaderless = answer.kind === "member" && observed?.status?.header?.leaderId === 0n;
  if (!isLeaderless || unreadySince === undefined) {
    outages.delete(uid);
    return answer;
  }
  const since = lastsSince(outages, uid, "leaderless", nowMs);
  // Readiness shows a leader that came and went between two looks.
  return { ...answer, leaderlessSince: Math.max(since, unreadySince) };
}

function lastsSince(outages: Outages, uid: string, kind: "silent" | "leaderless", nowMs: number): number {
  const before = outages.get(uid);
  if (before?.kind === kind) return before.since;
  outages.set(uid, { kind, since: nowMs });
  return nowMs;
}
