import { timestampFromMilliseconds } from "../../api/v1alpha1/timestamp.ts";
import type { ReplicatedStoreStatus } from "../../api/v1alpha1/types.ts";
import type {
  Budget,
  Claim,
  Configuration,
  NodeState,
  PlanInput,
  PlanSpec,
  Replica,
  Report,
  Slot,
} from "../observation.ts";

/** A state in few words. Member ids are a letter (its slot: a is 0) and perhaps a digit; times are seconds. */
export interface Scenario {
  readonly now?: number;
  readonly generation?: number;
  readonly deleting?: boolean;
  readonly spec?: Partial<PlanSpec>;
  readonly status?: Partial<ReplicatedStoreStatus>;
  /** One for each slot from 0 on. Absent: as the configuration says, all healthy. */
  readonly slots?: readonly (SlotScenario | null)[];
  readonly configuration?: ConfigurationScenario;
  readonly template?: { readonly wanted?: string; readonly current?: string | null };
  /** `taken`: somebody else has its name. */
  readonly budget?: number | Budget | "taken";
}

/** `says`: `member a`, `blank b`, `removed c@7`, `stale a`, `refused a`, `leaderless a` (`leaderless a 300`: for so many seconds), `foreign x`, `silent 30`, `damaged`. */
export interface SlotScenario {
  readonly says?: string;
  readonly kept?: boolean;
  /** `none`, `deleting`, `lost`, or its uid; local ones can't be attached elsewhere. */
  readonly claim?: string;
  readonly local?: boolean;
  /** There is no storage class of this name. */
  readonly missingClass?: string;
  /** `none`, `deleting`, or a waiting reason. */
  readonly replica?: string;
  readonly ready?: boolean;
  readonly hash?: string;
  /** A state; `unreachable 30`: for so many seconds. `on`: its name. */
  readonly node?: string;
  readonly on?: string;
}

export interface ConfigurationScenario {
  readonly index?: number;
  readonly voters: string;
  readonly outgoing?: string;
  readonly learners?: string;
  readonly leader?: string;
  /** Not heard of by the leader. */
  readonly dead?: string;
  readonly behind?: string;
  readonly joint?: boolean;
  readonly committed?: boolean;
  /** Ids that were removed, at index 9. */
  readonly removed?: string;
}

export const CLUSTER = "c1";

export function inputFromScenario(scenario: Scenario): PlanInput {
  const { configuration } = scenario;
  const nowSeconds = scenario.now ?? 10_000;
  const current = scenario.template?.current === null ? undefined : (scenario.template?.current ?? "h1");
  const slots = scenario.slots ?? healthySlots(configuration);
  const voters = words(configuration?.voters);
  const replicas = scenario.spec?.replicas ?? voters.length;
  return {
    now: nowSeconds * 1_000,
    generation: scenario.generation ?? 1,
    deleting: scenario.deleting ?? false,
    spec: {
      replicas,
      paused: false,
      whenScaled: "Retain",
      whenDeleted: "Retain",
      replacementMode: "Automatic",
      replaceAfterSeconds: 600,
      catchUpDeadlineSeconds: 600,
      drainsMayInterruptService: false,
      ...scenario.spec,
    },
    status: withoutNulls({
      clusterId: CLUSTER,
      ...(voters.length > 0 ? { settledReplicas: voters.length } : {}),
      ...scenario.status,
    }),
    slots: slots.flatMap((slot, index) =>
      slot === null ? [] : [slotFrom(slot, index, { nowSeconds, current: current ?? "h1" })],
    ),
    configuration: configuration === undefined ? undefined : configurationFrom(configuration),
    template: { wanted: scenario.template?.wanted ?? "h1", current },
    budget: scenario.budget === "taken" ? undefined : budgetFrom(scenario.budget, voters),
    isBudgetTaken: scenario.budget === "taken",
    drawnClusterId: CLUSTER,
  };
}

function withoutNulls<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as T;
}

export function timeOf(seconds: number): string {
  return timestampFromMilliseconds(seconds * 1_000);
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(" ").filter((word) => word !== "");
}

export function slotOfId(id: string): number {
  return id.charCodeAt(0) - "a".charCodeAt(0);
}

function healthySlots(configuration: ConfigurationScenario | undefined): (SlotScenario | null)[] {
  const ids = [
    ...words(configuration?.learners),
    ...words(configuration?.outgoing),
    ...words(configuration?.voters),
  ];
  const slots: (SlotScenario | null)[] = [];
  for (const id of ids) slots[slotOfId(id)] = { says: `member ${id}` };
  return Array.from(slots, (slot) => slot ?? null);
}

interface Defaults {
  readonly nowSeconds: number;
  readonly current: string;
}

function slotFrom(slot: SlotScenario, index: number, defaults: Defaults): Slot {
  const report = reportFrom(slot.says ?? "silent 1", defaults.nowSeconds);
  const claim = claimFrom(slot, index);
  const replica = replicaFrom(slot, index, report, defaults.current);
  return {
    index,
    kept: slot.kept ?? replica !== undefined,
    ...(claim === undefined ? {} : { claim }),
    ...(replica === undefined ? {} : { replica }),
    node: nodeFrom(slot.node ?? "ok", defaults.nowSeconds),
    ...(slot.on === undefined ? {} : { nodeName: slot.on }),
    report,
  };
}

function claimFrom(
  { claim = "", local = false, missingClass }: SlotScenario,
  index: number,
): Claim | undefined {
  if (claim === "none") return undefined;
  const isState = claim === "" || claim === "deleting" || claim === "lost";
  return {
    uid: isState ? `claim-${index}` : claim,
    deleting: claim === "deleting",
    lost: claim === "lost",
    attachableElsewhere: !local,
    ...(missingClass === undefined ? {} : { missingClass }),
  };
}

function replicaFrom(
  { replica = "", ready, hash }: SlotScenario,
  index: number,
  report: Report,
  current: string,
): Replica | undefined {
  if (replica === "none") return undefined;
  const isWaiting = replica !== "" && replica !== "deleting";
  return {
    uid: `pod-${index}`,
    ready: ready ?? (report.kind === "member" && !report.leaderless && !isWaiting),
    deleting: replica === "deleting",
    templateHash: hash ?? current,
    ...(isWaiting ? { waiting: replica as NonNullable<Replica["waiting"]> } : {}),
  };
}

function nodeFrom(text: string, nowSeconds: number): NodeState {
  const [state, seconds] = text.split(" ");
  if (state !== "unreachable") return { state: state as "ok" };
  return { state, since: (nowSeconds - Number(seconds)) * 1_000 };
}

function reportFrom(text: string, nowSeconds: number): Report {
  const [kind = "", word = "", seconds = "0"] = text.split(" ");
  const [memberId = "", removedIndex = "0"] = word.split("@");
  const member = {
    kind: "member",
    memberId,
    clusterId: CLUSTER,
    leaderless: false,
    incarnation: 5n,
  } as const;
  switch (kind) {
    case "silent":
      return { kind, since: (nowSeconds - Number(word)) * 1_000 };
    case "blank":
      return { kind, memberId };
    case "removed":
      return { kind, memberId, clusterId: CLUSTER, removedIndex: BigInt(removedIndex) };
    case "damaged":
      return { kind, detail: "exit code 73 (corruptLog)" };
    case "stale":
      return { ...member, incarnation: 2n };
    case "refused":
      return { ...member, leaderless: true, refused: true };
    case "leaderless":
      return { ...member, leaderless: true, leaderlessSince: (nowSeconds - Number(seconds)) * 1_000 };
    case "foreign":
      return { ...member, clusterId: "c2" };
    default:
      return member;
  }
}

function configurationFrom(scenario: ConfigurationScenario): Configuration {
  const voters = words(scenario.voters);
  const member = (kind: "voter" | "learner" | "outgoing") => (id: string) => ({
    id,
    name: `store-${slotOfId(id)}`,
    slot: slotOfId(id),
    kind,
    active: !words(scenario.dead).includes(id),
    // A dead member of an idle store lacks nothing.
    caughtUp: !words(scenario.behind).includes(id),
  });
  const outgoing = words(scenario.outgoing);
  return {
    term: 3n,
    index: BigInt(scenario.index ?? 10),
    joint: scenario.joint ?? outgoing.length > 0,
    committed: scenario.committed ?? true,
    leader: scenario.leader ?? voters.find((id) => !words(scenario.dead).includes(id)),
    ...(scenario.removed === undefined
      ? {}
      : { removed: words(scenario.removed).map((id) => ({ id, index: 9n })) }),
    members: [
      ...voters.map(member("voter")),
      ...outgoing.map(member("outgoing")),
      ...words(scenario.learners).map(member("learner")),
    ],
  };
}

function budgetFrom(budget: number | Budget | undefined, voters: readonly string[]): Budget | undefined {
  if (typeof budget === "object") return budget;
  const slots = voters.map(slotOfId).sort((a, b) => a - b);
  const minAvailable = budget ?? Math.floor(voters.length / 2) + 1;
  return voters.length === 0 && budget === undefined ? undefined : { minAvailable, voters: slots };
}
