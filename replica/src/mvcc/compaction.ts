import type { Revision } from "./history.ts";
import type { HistoryRecords } from "./history-records.ts";
import { decodeEvent, decodeState } from "./records.ts";
import { type StepBudget, StepMeter } from "./step-budget.ts";

/**
 * Compaction at revision R keeps of each key the newest event at or before R, unless that is a tombstone, and
 * everything after R. So each event at or before R makes the one before it in its key's chain superfluous,
 * and a tombstone itself besides. To go once through the events that came since the last compaction is
 * enough: what it costs follows what was written, not what is stored.
 *
 * Goes through events from `next` up to and with main revision `through`, removing as it goes; returns where
 * to go on: main `through + 1` at the end.
 */
export function removeCompacted(
  records: HistoryRecords,
  next: Revision,
  through: number,
  budget: StepBudget,
): Revision {
  const meter = new StepMeter(budget);
  // Collected first: a scan is void once the overlay is written to.
  const removals: Removals = { events: [], deletedKeys: [] };
  let reached: Revision = { main: through + 1, sub: 0 };
  for (const [revision, record] of records.events(next, reached)) {
    if (meter.spent) {
      reached = revision;
      break;
    }
    meter.spend(record.length);
    collectRemovals(records, revision, record, removals);
  }
  for (const { main, sub } of removals.events) records.overlay.deleteEvent(main, sub);
  for (const key of removals.deletedKeys) records.overlay.delete("idx", key);
  return reached;
}

interface Removals {
  readonly events: Revision[];
  /** Keys of idx. */
  readonly deletedKeys: Uint8Array[];
}

function collectRemovals(
  records: HistoryRecords,
  revision: Revision,
  record: Uint8Array,
  removals: Removals,
): void {
  const { main, sub } = revision;
  const { state, key } = decodeEvent(main, sub, record);
  // Before a creation there is a tombstone at most, and that has removed itself.
  if (state.version !== 1) removals.events.push({ main: state.previousMain, sub: state.previousSub });
  if (!state.deleted) return;
  removals.events.push(revision);
  const gone = records.overlay.get("idx", key);
  if (gone === undefined) return;
  const newest = decodeState(gone);
  if (newest.main === main && newest.sub === sub) removals.deletedKeys.push(key);
}
