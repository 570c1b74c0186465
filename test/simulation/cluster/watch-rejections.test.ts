import { expect, test } from "vitest";
import { Coverage } from "../world/coverage.ts";
import { fromEventLoop } from "../world/microtasks.ts";
import { World } from "../world/world.ts";
import { watchRejections } from "./watch-rejections.ts";

function violationOf(event: () => void) {
  const world = new World({ seed: 1, coverage: new Coverage(), transcript: undefined });
  world.at(1000, event);
  world.at(2000, () => {});
  watchRejections(world, () => {
    while (world.violation === undefined && world.step(10_000)) {}
  });
  return world.violation;
}

test("an exception that escapes an event is a violation", () =>
  fromEventLoop(() => {
    const violation = violationOf(() => {
      throw new Error("escaped");
    });
    expect(violation).toMatchObject({ property: "exception", message: expect.stringContaining("escaped") });
  }));

test("a rejection that nobody handles is a violation of the step that it happened in", () =>
  fromEventLoop(() => {
    const violation = violationOf(() => void Promise.reject(new Error("forgotten")));
    expect(violation).toMatchObject({ property: "exception", atUs: 1000 });
    expect(violation?.message).toContain("forgotten");
  }));

test("a rejection that is handled within the step is none", () =>
  fromEventLoop(() => {
    const violation = violationOf(() => {
      const rejected = Promise.reject(new Error("handled"));
      void Promise.resolve().then(() => rejected.catch(() => {}));
    });
    expect(violation).toBeUndefined();
  }));
