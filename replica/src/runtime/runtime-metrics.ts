interface Seconds {
  observe(seconds: number): void;
}

/** What a member counts as it happens. */
export interface RuntimeMetrics {
  /** Durable commits of the log and of the store. */
  readonly raftFsync: Seconds;
  readonly storeFsync: Seconds;
  /** Entries applied. */
  readonly applyDuration: Seconds;
  readonly leaderChanges: { increment(): void };
}

const uncounted: Seconds = { observe: () => undefined };

/** For whom nobody asks. */
export const noMetrics: RuntimeMetrics = {
  raftFsync: uncounted,
  storeFsync: uncounted,
  applyDuration: uncounted,
  leaderChanges: { increment: () => undefined },
};
