import { describeSeen } from "./describe-operation.ts";
import { coveredKeys, keysBetween } from "./key-histories.ts";
import { type KeySeen, type Operation, readInputOf, type Seen } from "./operation.ts";
import { type HistoryProblem, problemOf } from "./problem.ts";
import { changeOf, type KeyEvent, type Timeline } from "./timeline.ts";

/** What an answer says of a key at a revision. */
interface Sight {
  readonly key: string;
  readonly at: number;
  /** 0: the key is not there. */
  readonly modRevision: number;
  readonly seen: Seen | undefined;
  readonly operation: Operation;
}

/**
 * Every answer about a revision is what the changes up to it made of the store: whoever gave it, whenever,
 * and however the revision came to be the one that was read.
 */
export function checkStates(timeline: Timeline): HistoryProblem[] {
  const problems: HistoryProblem[] = [];
  for (const operation of timeline.operations) {
    for (const sight of sightsOf(operation, timeline.keys)) {
      const wrong = sight.modRevision === 0 ? checkAbsent(timeline, sight) : checkPresent(timeline, sight);
      if (wrong !== undefined) problems.push(wrong);
    }
    const wrong =
      checkRange(timeline, operation) ??
      checkDeleted(timeline, operation) ??
      checkDeletedKeys(timeline, operation);
    if (wrong !== undefined) problems.push(wrong);
  }
  return problems;
}

function sightsOf(operation: Operation, keys: readonly string[]): Sight[] {
  const { input, output } = operation;
  const sight = (key: string, at: number, seen: Seen | undefined): Sight => {
    return { key, at, modRevision: Number(seen?.modRevision ?? 0n), seen, operation };
  };
  switch (output.type) {
    case "read": {
      const at = readInputOf(input)?.revision ?? output.at ?? output.seen?.modRevision;
      return at === undefined || input.type !== "get" ? [] : [sight(input.key, Number(at), output.seen)];
    }
    case "ranged": {
      const at = Number(readInputOf(input)?.revision ?? output.at);
      return coveredKeys(operation, keys).map(({ key, seen }) => sight(key, at, seen));
    }
    case "absent":
      return input.type !== "delete" || output.at === undefined
        ? []
        : [sight(input.key, Number(output.at), undefined)];
    case "written":
      return input.type === "put" || input.type === "delete" ? changeSights(operation, input, output) : [];
    case "deleted-range":
      return input.type === "delete-range" ? sweepSights(operation, keys) : [];
    default:
      return [];
  }
}

/** What a change says of its key just before it. */
function changeSights(
  operation: Operation,
  input: { readonly key: string; readonly expected?: bigint },
  output: { readonly revision: bigint; readonly previous?: readonly KeySeen[] },
): Sight[] {
  const at = Number(output.revision) - 1;
  const sights: Sight[] = [];
  if (input.expected !== undefined) {
    sights.push({ key: input.key, at, modRevision: Number(input.expected), seen: undefined, operation });
  }
  const seen = output.previous?.[0];
  if (output.previous !== undefined) {
    sights.push({ key: input.key, at, modRevision: Number(seen?.modRevision ?? 0n), seen, operation });
  }
  return sights;
}

function sweepSights(operation: Operation, keys: readonly string[]): Sight[] {
  const { input, output } = operation;
  if (input.type !== "delete-range" || output.type !== "deleted-range") return [];
  if (output.keys > 0 && output.previous === undefined) return [];
  const at = Number(output.revision) - (output.keys > 0 ? 1 : 0);
  return keysBetween(keys, input.start, input.end).map((key) => {
    const seen = output.previous?.find((pair) => pair.key === key);
    return { key, at, modRevision: Number(seen?.modRevision ?? 0n), seen, operation };
  });
}

function checkAbsent(timeline: Timeline, { key, at, operation }: Sight): HistoryProblem | undefined {
  const last = timeline.lastEvent(key, at);
  if (last === undefined || !last.put) return undefined;
  if (timeline.maybeDeleted(key, last.revision, at, operation.returned)) return undefined;
  const what = `${key} was not there at ${at}, but was put at ${last.revision}`;
  return problemOf(kindFor(operation), what, last.operation, operation);
}

function checkPresent(timeline: Timeline, sight: Sight): HistoryProblem | undefined {
  const { key, at, modRevision, seen, operation } = sight;
  const wrong = (what: string, ...others: readonly (KeyEvent | undefined)[]): HistoryProblem =>
    problemOf(kindFor(operation), what, ...others.map((event) => event?.operation), operation);
  if (modRevision > at) return wrong(`${key} at ${at} has the later mod revision ${modRevision}`);
  const last = timeline.lastEvent(key, at);
  if (last === undefined || last.revision !== modRevision || !last.put) {
    return wrong(
      `${key} at ${at} was changed at ${last?.revision ?? "no revision"}, not at ${modRevision}`,
      last,
    );
  }
  return seen === undefined ? undefined : checkLife(timeline, sight, seen, wrong);
}

/** Creation and version: how many puts made the key what it is. */
function checkLife(
  timeline: Timeline,
  { key, operation }: Sight,
  seen: Seen,
  wrong: (what: string, ...others: readonly (KeyEvent | undefined)[]) => HistoryProblem,
): HistoryProblem | undefined {
  const created = Number(seen.createRevision);
  const modified = Number(seen.modRevision);
  const version = Number(seen.version);
  const first = timeline.lastEvent(key, created);
  const last = timeline.lastEvent(key, modified);
  if (created > modified || (created === modified) !== (version === 1)) {
    return wrong(`${key}: no life is ${describeSeen(seen)}`);
  }
  if (first?.revision !== created || !first.put || last === undefined) {
    return wrong(`${key} was not created at ${created}`, first);
  }
  const within = timeline.eventsOf(key).filter(({ revision }) => revision > created && revision < modified);
  const deleted = within.find(({ put }) => !put);
  if (deleted !== undefined) return wrong(`${key} was deleted since ${created}`, deleted);
  const puts = last.puts - first.puts + 1;
  const hidden = version - puts;
  const room = Math.min(timeline.loosePuts(key), timeline.gaps(created, modified));
  const unknown = within.filter((event) => event.operation === undefined).length;
  if (hidden < 0 || hidden > room) {
    return wrong(`${key} has version ${version}, but ${puts} puts since ${created} are known`, first, last);
  }
  if (unknown > timeline.loosePuts(key)) return wrong(`${key} has changes that nobody made`, first, last);
  const before = timeline.lastEvent(key, created - 1);
  if (before?.put && !timeline.maybeDeleted(key, before.revision, created - 1, operation.returned)) {
    return wrong(`${key} was created at ${created}, but it was there since ${before.revision}`, before);
  }
  return undefined;
}

function checkRange(timeline: Timeline, operation: Operation): HistoryProblem | undefined {
  const { input, output, returned } = operation;
  if (input.type !== "range" || output.type !== "ranged") return undefined;
  const { pairs, more } = output;
  const wrong = (what: string) => problemOf("malformed-range", what, operation);
  if (pairs.some(({ key }) => key < input.start || key >= input.end)) return wrong("a key is out of bounds");
  if (pairs.some(({ key }, at) => at > 0 && key <= pairs[at - 1]!.key)) return wrong("keys are out of order");
  if (input.limit !== undefined && pairs.length > input.limit) return wrong("more keys than were asked for");
  if (!more) return undefined;
  const last = pairs.at(-1)?.key;
  const at = Number(input.revision ?? output.at);
  const rest = keysBetween(timeline.keys, input.start, input.end).filter(
    (key) => last === undefined || key > last,
  );
  const isMore = rest.some((key) => stateOf(timeline, key, at, returned) !== "dead");
  return isMore ? undefined : wrong("there are no more keys, though it says so");
}

/** What was deleted was there. */
function checkDeleted(timeline: Timeline, operation: Operation): HistoryProblem | undefined {
  const { input, output, returned } = operation;
  if (input.type !== "delete" || output.type !== "written") return undefined;
  const before = Number(output.revision) - 1;
  if (stateOf(timeline, input.key, before, returned) !== "dead") return undefined;
  const last = timeline.lastEvent(input.key, before);
  return problemOf("wrong-state", `${input.key} was deleted, but not there`, last?.operation, operation);
}

/** A delete of a range took as many keys as there were. */
function checkDeletedKeys(timeline: Timeline, operation: Operation): HistoryProblem | undefined {
  const { input, output, returned } = operation;
  const revision = changeOf(operation);
  if (input.type !== "delete-range" || output.type !== "deleted-range" || revision === undefined) {
    return undefined;
  }
  const states = keysBetween(timeline.keys, input.start, input.end).map((key) =>
    stateOf(timeline, key, revision - 1, returned),
  );
  const least = states.filter((state) => state === "live").length;
  const most = states.filter((state) => state !== "dead").length;
  if (output.keys >= least && output.keys <= most) return undefined;
  const what = `took ${output.keys} keys, but there were ${least === most ? least : `${least} to ${most}`}`;
  return problemOf("wrong-state", what, operation);
}

function stateOf(timeline: Timeline, key: string, at: number, before: number): "live" | "dead" | "either" {
  const last = timeline.lastEvent(key, at);
  const since = last?.revision ?? 1;
  if (last?.put) return timeline.maybeDeleted(key, since, at, before) ? "either" : "live";
  return timeline.maybePut(key, since, at, before) ? "either" : "dead";
}

function kindFor({ input }: Operation): "wrong-compare" | "wrong-state" {
  return "expected" in input && input.expected !== undefined ? "wrong-compare" : "wrong-state";
}
