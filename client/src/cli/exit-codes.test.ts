import { expect, it } from "vitest";
import { RstoreError } from "../errors.ts";
import { adviceFrom } from "./exit-codes.ts";

it("a name that nobody knows is told from a replica that does not run", () => {
  const unknown = new RstoreError(
    "unavailable",
    "can't connect to http://garbage: getaddrinfo ENOTFOUND garbage",
  );
  expect(adviceFrom(unknown)).toMatch(/no host of that name.*--endpoints http:/);
  const refused = new RstoreError("unavailable", "connect ECONNREFUSED 127.0.0.1:4001");
  expect(adviceFrom(refused)).toMatch(/is a replica running there/);
});

it("a revision that is not reached is no lack of a majority", () => {
  const late = new RstoreError("deadline-exceeded", "it has 2", { facts: { revision: 2n } });
  expect(adviceFrom(late)).toMatch(/nothing was written at that revision yet/);
  expect(adviceFrom(new RstoreError("deadline-exceeded", "no answer"))).toMatch(/a majority/);
});

it("what only the logs of the replicas can explain is told with its name there", () => {
  const lost = new RstoreError("outcome-unknown", "no answer", { facts: { requestId: "3f9a1c2b00-1a" } });
  expect(adviceFrom(lost)).toMatch(/request 3f9a1c2b00-1a\.$/);
});
