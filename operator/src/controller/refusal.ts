import { isKubeError } from "../kube/kube-error.ts";
import type { Finding } from "../plan/outcome.ts";

/** Of the length of an Event's note at most. */
const maxCharacters = 900;

/** What the API server refuses for good has to be seen in status. undefined: looking again may help. */
export function refusalFrom(failure: Error | undefined): Finding | undefined {
  if (!isKubeError(failure, "invalid") && !isKubeError(failure, "forbidden")) return undefined;
  const message = `the API server refuses it: ${failure?.message}`.slice(0, maxCharacters);
  return { level: "trouble", reason: "Refused", message };
}
