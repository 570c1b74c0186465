import { AssertionError } from "../assert.ts";

/** A property of Raft does not hold. */
export class InvariantViolation extends AssertionError {}

export function check(condition: unknown, property: string, detail: () => string): asserts condition {
  if (!condition) throw new InvariantViolation(`${property}: ${detail()}`);
}
