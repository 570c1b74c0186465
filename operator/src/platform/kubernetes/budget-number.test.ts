import { expect, it } from "vitest";
import { budgetNumber } from "./budget-number.ts";

it.each([
  [{ minAvailable: 2 }, 2],
  [{ minAvailable: 0 }, 0],
  [{ minAvailable: "50%" }, undefined],
  [{ maxUnavailable: 1 }, undefined],
  [{ minAvailable: 2, maxUnavailable: 1 }, undefined],
  [{}, undefined],
])("a budget of %j keeps %s pods", (spec, number) => {
  expect(budgetNumber({ spec })).toBe(number);
});
