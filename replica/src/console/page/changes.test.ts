import { expect, it } from "vitest";
import { sampleMember, sampleState } from "../testing/sample-state.ts";
import { changesUnderWay } from "./changes.ts";

const { configuration } = sampleState();
const four = [1, 2, 3, 4].map((at) => sampleMember(at));

it("a joint configuration says who comes, who goes and who becomes a learner", () => {
  const joint = { ...configuration!, joint: true, voters: ["1", "2", "4"], outgoing: ["1", "2", "3"] };
  const swapped = changesUnderWay(sampleState({ members: four, configuration: joint }));
  expect(swapped).toEqual([expect.stringContaining("r4 gets a vote; r3 leaves. Until")]);
  const demoted = changesUnderWay(
    sampleState({ members: four, configuration: { ...joint, learnersNext: ["3"], voters: ["1", "2"] } }),
  );
  expect(demoted).toEqual([expect.stringContaining("Joint consensus: r3 becomes a learner. Until")]);
});

it("nothing is under way in a settled configuration", () => {
  expect(changesUnderWay(sampleState())).toEqual([]);
});

it("what waits to be committed, leadership on its way, a snapshot, a learner behind", () => {
  const members = [
    sampleMember(1),
    sampleMember(2, { progress: { matchIndex: 0, state: "snapshot", active: true }, lag: 90 }),
    sampleMember(3),
    sampleMember(4, { kind: "learner", lag: 1_234 }),
  ];
  const waiting = { ...configuration!, committed: false, transferTarget: "3" };
  expect(changesUnderWay(sampleState({ members, configuration: waiting }))).toEqual([
    "Configuration 7 waits to be committed.",
    "Leadership is handed to r3.",
    "r2 takes in a snapshot.",
    "r4 catches up: 1,234 entries to go.",
  ]);
});
