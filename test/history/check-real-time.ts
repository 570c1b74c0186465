import { Frontier, type Known } from "./frontier.ts";
import { keysBetween } from "./key-histories.ts";
import { type Operation, readInputOf } from "./operation.ts";
import { type HistoryProblem, problemOf } from "./problem.ts";
import { changeOf, type Timeline } from "./timeline.ts";

/**
 * What an answer shows is committed, so whatever begins after it is later: changes have higher revisions,
 * linearizable reads see them, compares are made against them.
 */
export function checkRealTime(timeline: Timeline, accountedThrough: number): HistoryProblem[] {
  const known = new Frontier(timeline.operations, shownBy);
  const problems: HistoryProblem[] = [];
  for (const operation of timeline.operations) {
    const problem = checkOperation(timeline, operation, known.before(operation.invoked));
    if (problem !== undefined) problems.push(problem);
  }
  return [...problems, ...checkAccounted(timeline, known, accountedThrough)];
}

function checkOperation(timeline: Timeline, operation: Operation, known: Known): HistoryProblem | undefined {
  const { input, output } = operation;
  const since = (what: string, kind: "revision-order" | "stale-read" | "wrong-compare") =>
    problemOf(kind, `${what}, after revision ${known.revision} was known`, known.operation, operation);
  const change = changeOf(operation);
  if (change !== undefined) {
    if (change < 2) return problemOf("wrong-state", "revision 1 is the empty store's", operation);
    return change > known.revision ? undefined : since(`a change has revision ${change}`, "revision-order");
  }
  if (output.type === "mismatch" && "key" in input) {
    if ("expected" in input && input.expected === output.actual) {
      return problemOf("wrong-compare", "refused although it matched", operation);
    }
    const next = timeline.nextEvent(input.key, Number(output.actual));
    // Of a key that was not there only a put makes a difference, and it may be gone again.
    if (output.actual === 0n || next === undefined || next.revision > known.revision) return undefined;
    return since(`compared with ${output.actual}, which was changed at ${next.revision}`, "wrong-compare");
  }
  const possible = checkPossible(operation);
  if (possible !== undefined) return problemOf("wrong-state", possible, operation);
  const mustBeFresh = readInputOf(input)?.consistency !== "serializable";
  if (output.type === "too-new") {
    if (!mustBeFresh || output.newest >= BigInt(known.revision)) return undefined;
    return since(`the store is said to be at ${output.newest}`, "stale-read");
  }
  const at = stateRevision(operation);
  if (!mustBeFresh || at === undefined || at >= known.revision) return undefined;
  return since(`answered from revision ${at}`, "stale-read");
}

/** What no store can say, at any time. */
function checkPossible(operation: Operation): string | undefined {
  const { input, output } = operation;
  const at = output.type === "too-new" ? Number(output.newest) : stateRevision(operation);
  if (at !== undefined && at < 1) return "the empty store has revision 1";
  const asked = input.type === "compact" ? input.revision : readInputOf(input)?.revision;
  if (asked === undefined || at === undefined) return undefined;
  if (output.type === "too-new") return asked <= BigInt(at) ? "refused, though it is there" : undefined;
  return asked > BigInt(at) ? "answered, though it is not there yet" : undefined;
}

/** Of the state that an answer without a change of its own was taken from. */
function stateRevision({ output }: Operation): number | undefined {
  switch (output.type) {
    case "read":
    case "ranged":
    case "absent":
      return output.at === undefined ? undefined : Number(output.at);
    case "deleted-range":
      return Number(output.revision);
    default:
      return undefined;
  }
}

/** The newest revision that an answer shows to be there; 0: none. */
function shownBy(operation: Operation): number {
  const { output, input } = operation;
  switch (output.type) {
    case "written":
    case "deleted-range":
      return Number(output.revision);
    case "read":
      return Number(output.at ?? output.seen?.modRevision ?? 0n);
    case "ranged":
      return Number(output.at);
    case "absent":
      return Number(output.at ?? 0n);
    case "mismatch":
      return Number(output.actual);
    case "too-old":
      return Number(output.oldest);
    case "too-new":
      return Number(output.newest);
    case "compacted":
      return input.type === "compact" ? Number(input.revision) : 0;
    default:
      return 0;
  }
}

/**
 * Every revision is of an operation that was begun before anybody knew of a later one, each of one at most: a
 * change that was applied twice has one revision too many. Revision 1 is the empty store's.
 */
function checkAccounted(timeline: Timeline, known: Frontier, through: number): HistoryProblem[] {
  // An operation without an answer may have any revision above what was known when it began.
  const floors = timeline.loose
    .filter((operation) => canChange(timeline, operation))
    .map(({ invoked }) => known.before(invoked).revision)
    .sort((a, b) => a - b);
  let taken = 0;
  let able = 0;
  for (let revision = 2; revision <= through; revision += 1) {
    if (timeline.owners.has(revision)) continue;
    while (able < floors.length && floors[able]! < revision) able += 1;
    taken += 1;
    if (taken <= able) continue;
    const what = `revision ${revision}: ${taken} revisions up to it are of no known operation, and only ${able} without an answer can have made them`;
    return [problemOf("unaccounted-revision", what)];
  }
  return [];
}

/** Not a compare with what was never there, nor a delete of what nobody put. */
function canChange(timeline: Timeline, { input }: Operation): boolean {
  if (input.type === "delete-range") {
    return keysBetween(timeline.keys, input.start, input.end).some((key) => wasPut(timeline, key));
  }
  if (input.type !== "put" && input.type !== "delete") return false;
  const { expected = 0n, key } = input;
  const owner = timeline.owners.get(Number(expected));
  if (expected > 0n && owner !== undefined && (owner.input.type !== "put" || owner.input.key !== key))
    return false;
  return expected === 1n ? false : input.type === "put" || wasPut(timeline, key);
}

function wasPut(timeline: Timeline, key: string): boolean {
  return timeline.loosePuts(key) > 0 || timeline.eventsOf(key).some(({ put }) => put);
}
