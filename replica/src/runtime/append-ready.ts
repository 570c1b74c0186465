import type { Logger } from "../log.ts";
import type { Ready } from "../raft/types.ts";
import type { DataDirectory } from "../storage/types.ts";
import type { Clock } from "./clock.ts";
import type { RuntimeMetrics } from "./runtime-metrics.ts";

interface AppendParts {
  readonly directory: DataDirectory;
  readonly config: { readonly slowFlushMs: number };
  readonly clock: Clock;
  readonly metrics: RuntimeMetrics;
  readonly log: Logger;
}

/** Resolves when hard state and entries are on disk. */
export async function appendReady(parts: AppendParts, ready: Ready): Promise<void> {
  const { directory, clock, metrics, config, log } = parts;
  const startMs = clock.nowMs();
  await directory.log.append({ hardState: ready.hardState, entries: ready.entries });
  const tookMs = clock.nowMs() - startMs;
  const entries = ready.entries.length;
  metrics.logFlushDuration.observe(tookMs / 1000);
  if (tookMs >= config.slowFlushMs) log.record("flush.slow", { target: "log", tookMs, entries });
}
