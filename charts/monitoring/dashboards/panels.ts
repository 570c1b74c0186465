import type {
  StateTimelineSpec,
  StatSpec,
  Step,
  TableSpec,
  TimeSeriesSpec,
  Tone,
  ValueName,
} from "./panel-spec.ts";

type Short<Spec extends { kind: string; width: number; height: number }> = Omit<
  Spec,
  "kind" | "width" | "height"
> &
  Partial<Pick<Spec, "width" | "height">>;

/** A third of the width. */
export function timeSeries(spec: Short<TimeSeriesSpec>): TimeSeriesSpec {
  return { kind: "time-series", width: 8, height: 8, ...spec };
}

/** An eighth of the width. */
export function stat(spec: Short<StatSpec>): StatSpec {
  return { kind: "stat", width: 3, height: 4, ...spec };
}

/** Half of the width. */
export function stateTimeline(spec: Short<StateTimelineSpec>): StateTimelineSpec {
  return { kind: "state-timeline", width: 12, height: 7, ...spec };
}

/** The whole width. */
export function table(spec: Short<TableSpec>): TableSpec {
  return { kind: "table", width: 24, height: 8, ...spec };
}

/** Green, then another tone from each of the values on. */
export function worseFrom(steps: readonly (readonly [number, Tone])[]): Step[] {
  return [{ from: null, tone: "green" }, ...steps.map(([from, tone]) => ({ from, tone }))];
}

/** Red below the first value; green from the last one on. */
export function betterFrom(steps: readonly (readonly [number, Tone])[]): Step[] {
  return [{ from: null, tone: "red" }, ...steps.map(([from, tone]) => ({ from, tone }))];
}

export const yesNo: readonly ValueName[] = [
  { value: 0, text: "no", tone: "red" },
  { value: 1, text: "yes", tone: "green" },
];

/** What is to be seen of roles as one number; see `roleNumber`. */
export const roleNames: readonly ValueName[] = [
  { value: 0, text: "follower", tone: "blue" },
  { value: 1, text: "leader", tone: "green" },
  { value: 2, text: "candidate", tone: "orange" },
  { value: 3, text: "learner", tone: "purple" },
  { value: 4, text: "removed", tone: "red" },
  { value: 5, text: "uninitialized", tone: "text" },
];

const roles: Readonly<Record<string, number>> = {
  leader: 1,
  "candidate|pre-candidate": 2,
  learner: 3,
  removed: 4,
  uninitialized: 5,
};

/** The role of each replica as a number of `roleNames`. */
export function roleNumber(selector: string): string {
  return Object.entries(roles)
    .map(
      ([role, number]) => `${number} * max by (replica) (rstore_replica_role{${selector},role=~"${role}"})`,
    )
    .join(" + ");
}
