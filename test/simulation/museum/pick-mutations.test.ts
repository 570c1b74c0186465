import { expect, test } from "vitest";
import type { Mutation } from "./mutation.ts";
import { pickMutations } from "./pick-mutations.ts";

const mutations: readonly Mutation[] = Array.from({ length: 20 }, (_, i) => ({
  name: `mutation-${i}`,
  faults: [],
  file: "a.ts",
  search: "a",
  replace: "",
  ...(i % 5 === 0 && { outsideOfSimulation: "no cluster needs it" }),
}));
const namesOf = (picked: readonly Mutation[]): string[] => picked.map(({ name }) => name);

test("a commit always picks the same, whatever the order, and another one others", () => {
  const picked = namesOf(pickMutations(mutations, { pick: 5, by: "4f2a" }));
  expect(picked).toHaveLength(5);
  expect(namesOf(pickMutations(mutations.toReversed(), { pick: 5, by: "4f2a" }))).toEqual(picked);
  expect(namesOf(pickMutations(mutations, { pick: 5, by: "4f2b" }))).not.toEqual(picked);
});

test("over many commits each gets its turn, but none that no simulation can see", () => {
  const commits = Array.from({ length: 100 }, (_, i) => `commit ${i}`);
  const picked = new Set(commits.flatMap((by) => namesOf(pickMutations(mutations, { pick: 5, by }))));
  expect(picked).toEqual(
    new Set(
      mutations.filter((mutation) => mutation.outsideOfSimulation === undefined).map(({ name }) => name),
    ),
  );
});

test("names are given by their parts", () => {
  expect(namesOf(pickMutations(mutations, { only: ["-12", "-3"], by: "" }))).toEqual([
    "mutation-3",
    "mutation-12",
  ]);
});
