/**
 * What clients did and saw. Times are positions on one clock of the recorder: an operation that returned
 * before another was invoked precedes it. Nothing here knows of processes, networks or clocks, so that a
 * simulator records in the same shape.
 */

export type Input =
  | { readonly type: "get"; readonly key: string }
  | {
      readonly type: "put";
      readonly key: string;
      readonly value: string;
      /** Compare-and-set: only if the key's mod revision is this; 0n: only if it does not exist. */
      readonly expected?: bigint;
    }
  | { readonly type: "delete"; readonly key: string; readonly expected?: bigint };

/** What a read sees of a key that exists. */
export interface Seen {
  readonly value: string;
  readonly modRevision: bigint;
  readonly createRevision: bigint;
  readonly version: bigint;
}

export type Output =
  /** A get's answer; undefined: the key does not exist. */
  | { readonly type: "read"; readonly seen: Seen | undefined }
  /** A put's or a delete's acknowledgement; a delete of no key changes nothing and has no revision. */
  | { readonly type: "written"; readonly revision: bigint }
  | { readonly type: "absent" }
  /** A compare that failed, with the mod revision that the key had; 0n: it did not exist. */
  | { readonly type: "mismatch"; readonly actual: bigint }
  /** Refused, certainly not applied; or a read that failed. */
  | { readonly type: "not-applied"; readonly reason: string }
  /** No answer, or one that says as much: applied once at any time after the invocation, or never. */
  | { readonly type: "unknown"; readonly reason: string };

export interface Operation {
  readonly client: number;
  readonly input: Input;
  readonly output: Output;
  readonly invoked: number;
  /** Infinity when the outcome is unknown. */
  readonly returned: number;
}

export function describeOperation({ client, input, output, invoked, returned }: Operation): string {
  const span = `[${invoked.toFixed(1)}, ${Number.isFinite(returned) ? returned.toFixed(1) : "…"}]`;
  return `${span} client ${client}: ${describeInput(input)} -> ${describeOutput(output)}`;
}

function describeInput(input: Input): string {
  const value = input.type === "put" ? ` ${input.value}` : "";
  const expected = input.type === "get" || input.expected === undefined ? "" : ` if ${input.expected}`;
  return `${input.type} ${input.key}${value}${expected}`;
}

function describeOutput(output: Output): string {
  switch (output.type) {
    case "read": {
      if (output.seen === undefined) return "no key";
      const { value, modRevision, createRevision, version } = output.seen;
      return `${value} (revision ${modRevision}, created ${createRevision}, version ${version})`;
    }
    case "written":
      return `revision ${output.revision}`;
    case "absent":
      return "no key";
    case "mismatch":
      return `mismatch, revision ${output.actual}`;
    case "not-applied":
    case "unknown":
      return `${output.type}: ${output.reason}`;
  }
}
