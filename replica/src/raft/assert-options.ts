import { assert } from "../assert.ts";
import { NO_MEMBER, type RaftOptions } from "./types.ts";

/** How the limits relate; throws on what would never work. */
export function assertOptions(options: RaftOptions): void {
  assert(options.id !== NO_MEMBER, "a member needs an id");
  assert(options.heartbeatTicks >= 1, "heartbeatTicks is at least 1");
  assert(options.electionTimeoutTicks > options.heartbeatTicks, "an election timeout takes many heartbeats");
  const limits = [
    options.appendMaxBytes,
    options.inflightMaxMessages,
    options.inflightMaxBytes,
    options.uncommittedMaxBytes,
    options.proposalMaxBytes,
    options.committedMaxBytes,
    options.pendingReadsMax,
    options.leaverMaxTicks,
  ];
  for (const limit of limits) assert(Number.isInteger(limit) && limit >= 1, "limits are positive integers");
  assert(options.promoteMaxLagEntries >= 0n, "promoteMaxLagEntries is not negative");
}
