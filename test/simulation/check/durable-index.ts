import { describeRecord, formatId } from "./describe.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { recordAt } from "./entry-ledger.ts";
import type { Ledgers } from "./ledgers.ts";
import type { MemberWatch } from "./member-watch.ts";
import type { CheckedSlot } from "./types.ts";

/** What a member takes for durable, and counts itself by, is on its disk (B4). */
export function checkDurableIndex(
  { world }: Ledgers,
  { name }: CheckedSlot,
  { member, tip }: MemberWatch,
  disk: DiskWatch,
): void {
  if (member === undefined || tip === undefined || disk.isUnreadable) return;
  const { durableIndex, firstIndex } = member.node.log;
  // Where the log begins there may be a snapshot that is being installed.
  if (durableIndex < firstIndex) return;
  const record = recordAt(tip, Number(durableIndex));
  if (record === undefined || record.durableOn.includes(member.id)) return;
  const what = `${name} (${formatId(member.id)}) takes ${describeRecord(record)} for durable`;
  world.fail("durable-index", `${what}, and it is not on its disk (B4)`);
}
