import type { WriteOperation } from "../apply/operation.ts";
import type { Metrics } from "../metrics.ts";
import type { ReplicaApi, WriteOptions, WriteOutcome } from "../runtime/replica-api.ts";
import { replicaErrorFromUnknown } from "./errors.ts";

/** What the calls of KvService ask of a replica. */
export type KvApi = Pick<ReplicaApi, "answerState" | "write" | "awaitReadable" | "get" | "range">;

/** The same replica, with every write counted by how it ended. */
export function countWrites(api: KvApi, metrics: Metrics): KvApi {
  return {
    answerState: () => api.answerState(),
    awaitReadable: (options) => api.awaitReadable(options),
    get: (key, revision) => api.get(key, revision),
    range: (request, options) => api.range(request, options),
    async write(operations: readonly WriteOperation[], options: WriteOptions) {
      let outcomes: readonly WriteOutcome[];
      try {
        outcomes = await api.write(operations, options);
      } catch (thrown) {
        metrics.proposalFailed(replicaErrorFromUnknown(thrown).reason, operations.length);
        throw thrown;
      }
      let committed = 0;
      for (const outcome of outcomes) {
        if (outcome.type === "failed") metrics.proposalFailed(outcome.error.reason);
        else committed += 1;
      }
      metrics.api.proposalsCommitted.increment(committed);
      return outcomes;
    },
  };
}
