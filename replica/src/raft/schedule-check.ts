import { AssertionError } from "../assert.ts";
import type { Configuration, MemberId } from "./types.ts";

/** A property of Raft does not hold. */
export class InvariantViolation extends AssertionError {}

export function check(condition: unknown, property: string, detail: () => string): asserts condition {
  if (!condition) throw new InvariantViolation(`${property}: ${detail()}`);
}

/** Do majorities of every active half hold it? */
export function isDecided({ voters, outgoing }: Configuration, holds: (id: MemberId) => boolean): boolean {
  return [voters, outgoing].every((half) => half.length === 0 || half.filter(holds).length * 2 > half.length);
}
