import { timestampFromMilliseconds } from "../api/v1alpha1/timestamp.ts";
import type { MemberHealth, MemberRole, MemberStatus } from "../api/v1alpha1/types.ts";
import type { ConfiguredMember, Slot } from "../plan/observation.ts";
import { reportedId, type View, wasKeptUp } from "../plan/view.ts";

/** Without a believed configuration: who was there before, with what is known of their slots. */
export function memberStatuses(view: View): readonly MemberStatus[] {
  const { configuration, input } = view;
  const before = input.status.members ?? [];
  if (configuration === undefined) return before.map((member) => unconfirmed(view, member));
  return configuration.members.map((member) => {
    const slot = view.slotOf(member.id);
    return keepSince(view, before, {
      id: member.id,
      name: member.name,
      ...(slot === undefined ? {} : { slot }),
      role: roleOf(view, member),
      caughtUp: member.caughtUp,
      health: healthOf(view, member),
    });
  });
}

/** Who leads is not known when nobody was asked with a majority behind it. */
function unconfirmed(view: View, member: MemberStatus): MemberStatus {
  const slot = view.slot(view.slotOf(member.id) ?? -1);
  const isSilent = slot === undefined || slot.report.kind === "silent";
  const health = isLost(slot, member.id) ? "Lost" : isSilent ? "Unreachable" : "Unknown";
  const role = member.role === "Leader" ? "Follower" : member.role;
  const { since: _since, incarnation: _incarnation, ...rest } = member;
  return keepSince(view, [member], { ...rest, role, health });
}

/** The disk in its slot is another member's, or nobody may use it again. */
function isLost(slot: Slot | undefined, id: string): boolean {
  const reported = reportedId(slot);
  return slot?.report.kind === "damaged" || (reported !== undefined && reported !== id);
}

type Unstamped = Omit<MemberStatus, "since" | "incarnation">;

function keepSince(view: View, before: readonly MemberStatus[], member: Unstamped): MemberStatus {
  const old = before.find(({ id }) => id === member.id);
  const slot = view.slot(member.slot ?? -1);
  const { now } = view.input;
  const silentSince =
    slot?.report.kind === "silent" && member.health === "Unreachable" ? slot.report.since : undefined;
  // It may have answered while nobody looked, and a deadline counts from here.
  const isSame = old?.health === member.health && (silentSince === undefined || wasKeptUp(view));
  const since = isSame ? old.since : timestampFromMilliseconds(silentSince ?? now);
  const incarnation = highestIncarnation(old, slot, member.id);
  return { ...member, since, ...(incarnation === undefined ? {} : { incarnation }) };
}

/** Never goes back: a disk that reports fewer starts is an old copy (B2). */
function highestIncarnation(
  old: MemberStatus | undefined,
  slot: Slot | undefined,
  id: string,
): string | undefined {
  const report = slot?.report;
  if (report?.kind !== "member" || report.memberId !== id) return old?.incarnation;
  const before = BigInt(old?.incarnation ?? 0);
  return (report.incarnation > before ? report.incarnation : before).toString();
}

function roleOf(view: View, { id, kind }: ConfiguredMember): MemberRole {
  if (id === view.configuration?.leader) return "Leader";
  if (kind === "learner") return "Learner";
  return kind === "outgoing" ? "Leaving" : "Follower";
}

function healthOf(view: View, member: ConfiguredMember): MemberHealth {
  if (isLost(view.slot(view.slotOf(member.id) ?? -1), member.id)) return "Lost";
  if (view.live.has(member.id)) return "Healthy";
  if (!member.active) return "Unreachable";
  return member.caughtUp ? "Unknown" : "CatchingUp";
}
