import { isLinearizableRead, type Operation, readInputOf } from "../../history/operation.ts";
import type { Coverage } from "../world/coverage.ts";
import type { Call } from "./call.ts";
import type { Answer } from "./serve-call.ts";

export function countOperation(
  coverage: Coverage,
  operation: Operation,
  { call, answer }: { readonly call: Call; readonly answer: Answer | undefined },
): void {
  if (call.type === "write") countWrite(coverage, operation, answer);
  else countRead(coverage, operation, answer);
}

function countWrite(coverage: Coverage, { input, output }: Operation, answer: Answer | undefined): void {
  switch (output.type) {
    case "written":
    case "absent":
    case "deleted-range":
      coverage.count("writes.acknowledged");
      if (answer?.isLeader === false) coverage.count("writes.forwarded");
      break;
    case "compacted":
      coverage.count("store.compacted");
      break;
    case "mismatch":
      coverage.count("writes.compare-failed");
      break;
    case "unknown":
      if (input.type !== "compact") coverage.count("writes.unknown");
      break;
    case "not-applied":
      coverage.count("writes.refused");
      break;
  }
}

function countRead(coverage: Coverage, { input, output }: Operation, answer: Answer | undefined): void {
  if (output.type !== "read" && output.type !== "ranged") return;
  const read = readInputOf(input);
  if (read?.consistency === "serializable" && read.minRevision === undefined)
    coverage.count("reads.serializable");
  if (isLinearizableRead(input)) coverage.count("reads.linearizable");
  if (read?.minRevision !== undefined) coverage.count("reads.at-least-revision");
  if (read?.revision !== undefined) coverage.count("reads.at-old-revision");
  if (input.type === "range") coverage.count("reads.range");
  if (answer?.isLeader === false && read?.consistency === undefined) coverage.count("reads.on-follower");
}
