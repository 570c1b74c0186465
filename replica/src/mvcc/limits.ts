/**
 * The limits of the state machine. Those marked *replicated* decide what applying answers: they are the same
 * on every member and change only with the cluster version.
 */

/** Replicated. Longest key. The key is a record's whole key in `cur` and `idx`; LMDB allows 1,978 bytes. */
export const KEY_MAX_BYTES = 1024;

/** Replicated. A delete that matches more keys is refused; the caller pages. */
export const DELETE_MAX_KEYS = 10_000;

/**
 * Replicated. What the range deletes of one entry take together; the next is refused. The proposer sees to it
 * that this never happens (apply/command.ts, `commandMaxKeys`): here it only bounds what an entry can do.
 */
export const ENTRY_DELETE_MAX_KEYS = 2 * DELETE_MAX_KEYS;

/** Replicated. A delete that returns what it deleted is refused beyond this, unless it deletes one key. */
export const DELETE_PREVIOUS_MAX_BYTES = 4 * 1024 * 1024;

/** Records that one step of a range read or a hash visits; it bounds the step also where nothing matches. */
export const STEP_MAX_VISITS = 4096;

/** The runtime should freeze the overlay at the latest when it holds this many bytes. */
export const OVERLAY_FREEZE_BYTES = 16 * 1024 * 1024;

/** Nothing more may be applied while both generations together hold this many bytes. */
export const OVERLAY_MAX_BYTES = 4 * OVERLAY_FREEZE_BYTES;

/**
 * Nor while the next batch has this many records: with what one more entry adds, a batch stays within what
 * the storage takes in one transaction (250,000).
 */
export const BATCH_MAX_RECORDS = 100_000;

/** Memory of the cache of key states, estimated. Holds about 250,000 short keys. */
export const STATE_CACHE_MAX_BYTES = 48 * 1024 * 1024;
