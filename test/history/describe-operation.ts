import type { Input, Operation, Output, ReadInput, Seen } from "./operation.ts";

/** One line for people. */
export function describeOperation({ client, input, output, invoked, returned, served }: Operation): string {
  const span = `[${describeTime(invoked)}, ${describeTime(returned)}]`;
  const by = served === undefined ? "" : ` @r${served.replica}.${served.life}`;
  return `${span} client ${client}${by}: ${describeInput(input)} -> ${describeOutput(output)}`;
}

function describeTime(time: number): string {
  return Number.isFinite(time) ? time.toFixed(1) : "…";
}

export function describeInput(input: Input): string {
  switch (input.type) {
    case "get":
      return `get ${input.key}${describeHow(input)}`;
    case "put":
      return `put ${input.key} ${input.value}${describeExpected(input.expected)}`;
    case "delete":
      return `delete ${input.key}${describeExpected(input.expected)}`;
    case "range":
      return `range ${input.start}..${input.end}${describeHow(input)}`;
    case "delete-range":
      return `delete-range ${input.start}..${input.end}`;
    case "compact":
      return `compact ${input.revision}`;
  }
}

function describeExpected(expected: bigint | undefined): string {
  return expected === undefined ? "" : ` if ${expected}`;
}

function describeHow({ consistency, minRevision, revision }: ReadInput): string {
  const parts = [
    ...(consistency === undefined ? [] : [consistency]),
    ...(minRevision === undefined ? [] : [`at least ${minRevision}`]),
    ...(revision === undefined ? [] : [`at ${revision}`]),
  ];
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

export function describeOutput(output: Output): string {
  switch (output.type) {
    case "read":
      return `${describeSeen(output.seen)}${describeAt(output.at)}`;
    case "ranged": {
      const pairs = output.pairs.map((pair) => `${pair.key}=${describeSeen(pair)}`);
      return `[${pairs.join(", ")}${output.more ? ", …" : ""}]${describeAt(output.at)}`;
    }
    case "written":
      return `revision ${output.revision}`;
    case "absent":
      return `no key${describeAt(output.at)}`;
    case "deleted-range":
      return `${output.keys} keys, revision ${output.revision}`;
    case "compacted":
      return "compacted";
    case "mismatch":
      return `mismatch, revision ${output.actual}`;
    case "too-old":
      return `refused: compacted at ${output.oldest}`;
    case "too-new":
      return `refused: only at ${output.newest}`;
    case "not-applied":
    case "unknown":
      return `${output.type}: ${output.reason}`;
  }
}

function describeAt(at: bigint | undefined): string {
  return at === undefined ? "" : ` at ${at}`;
}

export function describeSeen(seen: Seen | undefined): string {
  if (seen === undefined) return "no key";
  const { value, modRevision, createRevision, version } = seen;
  return `${value} (revision ${modRevision}, created ${createRevision}, version ${version})`;
}
