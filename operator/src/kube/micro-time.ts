import { V1MicroTime } from "@kubernetes/client-node";

/** Now, as Lease and Event want it: with six digits behind the second. */
export function microTimeNow(): V1MicroTime {
  return new V1MicroTime();
}
