import type { LogPoint } from "./log-pending.ts";
import type { LogBounds } from "./log-state.ts";

/** What the log must become before the core may run on it. */
export type LogVerdict =
  | { readonly kind: "keep" }
  /** The log begins anew after what is applied. */
  | { readonly kind: "discard" }
  /** The log no longer holds what follows the applied index. */
  | { readonly kind: "gap" };

/**
 * Compares the log with what `store/` holds. The store is ahead of the log, or not of one history with it,
 * exactly when a snapshot was installed and the log not yet reset; then nothing in the log is needed: up to
 * the applied index the store has it, and entries beyond a mismatch cannot be committed.
 */
export function judgeLog(
  applied: LogPoint,
  bounds: LogBounds,
  termAt: (index: bigint) => bigint | undefined,
): LogVerdict {
  if (applied.index < bounds.baseIndex) return { kind: "gap" };
  return termAt(applied.index) === applied.term ? { kind: "keep" } : { kind: "discard" };
}
