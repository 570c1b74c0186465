import { afterAll, beforeAll, describe, it } from "vitest";
import { everyValueCounts, isAccepted, lintsClean, refusesValues, wrongValues } from "./scenarios/chart.ts";
import { survivesItsOperators } from "./scenarios/crashes.ts";
import { comesBackOnKeptVolumes, letsNamespaceGo } from "./scenarios/deletion.ts";
import { putsDriftRight } from "./scenarios/drift.ts";
import { followsEditsUnderWay } from "./scenarios/edits.ts";
import { handsOverFromTheFrozen } from "./scenarios/election.ts";
import { allowsNoEvictionTooMany } from "./scenarios/evictions.ts";
import { holdsUpOnlyWhatIsNeeded } from "./scenarios/finalizer.ts";
import { scalesAndBack } from "./scenarios/lifecycle.ts";
import { showsWhatItDoes } from "./scenarios/metrics.ts";
import { leavesNamesOfOthers } from "./scenarios/names.ts";
import { getsThroughFaults, seesThePast } from "./scenarios/network.ts";
import { leavesAloneWhoCameBack, replacesLostNode, saysThatItMayNotReadNodes } from "./scenarios/nodes.ts";
import { everyRightIsUsed, nothingElseIsAllowed } from "./scenarios/rights.ts";
import { rollsTemplateThrough } from "./scenarios/rolling.ts";
import { saysWhatItKnows } from "./scenarios/status.ts";
import { saysWhatVolumesWaitFor } from "./scenarios/storage-class.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.start();
}, 120_000);

afterAll(() => world?.stop(), 60_000);

/** Each store has a namespace of its own; RSTORE_CLUSTER_LANES of them are tried at the same time. */
const options = { timeout: 600_000, concurrent: true };

describe("the chart", options, () => {
  it("lints clean", lintsClean);

  it("renders something else for each of its values", everyValueCounts);

  it("is accepted by the API server, with its own values and with others", () => isAccepted(world));

  it.each(wrongValues)("refuses %s, and says why", (_what, values, message) =>
    refusesValues(values, message),
  );
});

describe("an operator with the rights that the chart gives it", options, () => {
  it("makes a store of three, scales it to five and back by kubectl scale, and loses nothing", () =>
    scalesAndBack(world));

  it("puts right what somebody edits or deletes, and leaves alone what others add", () =>
    putsDriftRight(world));

  it("leaves alone what others have under names that it needs", () => leavesNamesOfOthers(world));

  it("says what it knows, that it knows nothing when nobody answers, and when it looked last (E14)", () =>
    saysWhatItKnows(world));

  it("shows what it does in its metrics, and nothing of a store that is deleted", () =>
    showsWhatItDoes(world));

  it("says that there is no such storage class, and goes on when there is", () =>
    saysWhatVolumesWaitFor(world));

  it("rolls a new template through, one pod at a time (E8)", () => rollsTemplateThrough(world));

  it("replaces the member of a lost node", () => replacesLostNode(world));

  it("deletes no claim of a member that comes back before its deletion is asked for (E1)", () =>
    leavesAloneWhoCameBack(world));

  it("replaces nothing and says so when it may not read nodes", () => saysThatItMayNotReadNodes(world));

  it("lets no eviction cost a majority while it grows and shrinks (E18, E19)", () =>
    allowsNoEvictionTooMany(world));

  it("follows a spec that is edited again and again (E4)", () => followsEditsUnderWay(world));

  it("has a finalizer only while a deletion would have claims to delete (E24)", () =>
    holdsUpOnlyWhatIsNeeded(world));

  it("finds a store again on the volumes that it left", () => comesBackOnKeptVolumes(world));

  it("leaves everything to its successor when it was frozen past its lease (E17)", () =>
    handsOverFromTheFrozen(world));
});

describe("an operator whose way to the API server is bad", options, () => {
  it("deletes no member's claim when it starts anew and sees the past (E1, E2)", () => seesThePast(world));

  it("gets through calls that are refused, lost, or never answered", () => getsThroughFaults(world));
});

describe("a store whose operators live for one change each (E3)", options, () => {
  it("is made, scaled, repaired and deleted when they die before they hear of it", () =>
    survivesItsOperators(world, "after"));

  it("is made, scaled, repaired and deleted when they die before the next one", () =>
    survivesItsOperators(world, "before"));
});

// It would meddle with the stores of the others.
describe("an operator with rights to all namespaces", { timeout: 600_000 }, () => {
  it("makes a store, scales it, and lets a namespace go that is being deleted", () => letsNamespaceGo(world));
});

describe("the rights that the chart gives", { timeout: 60_000 }, () => {
  it("are refused for everything that an operator does not need", () => nothingElseIsAllowed(world));

  it("are each used by the operators of the tests before this one", () => everyRightIsUsed(world));
});
