import { expect, test } from "vitest";
import { createRequestIds, requestIdFrom } from "./request-id.ts";
import { RequestIntake } from "./request-intake.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceParent = `00-${traceId}-00f067aa0ba902b7-01`;
const intake = new RequestIntake({ random: () => 0 });

test("the caller's id is taken, else its trace's, else one is made", () => {
  expect(intake.admit({ requestId: "order-17", traceParent }, "Put").id).toBe("order-17");
  expect(intake.admit({ requestId: undefined, traceParent }, "Put").id).toBe(traceId);
  expect(intake.admit({ requestId: undefined, traceParent: undefined }, "Put").id).toMatch(/^0{10}-/);
});

test("without traces here, what the caller sent goes on to the leader all the same", () => {
  expect(intake.admit({ requestId: "a", traceParent }, "Put").traceParent).toBe(traceParent);
  expect(intake.admit({ requestId: "a", traceParent: "junk" }, "Put").traceParent).toBe("");
});

test("what another member says of a request is checked as a caller's word is", () => {
  const request = intake.admitForwarded({ id: "a\nb", traceParent: "junk" }, "Forward");
  expect([request.id, request.traceParent]).toEqual(["unnamed", ""]);
});

test.each([
  ["an empty one", ""],
  ["a long one", "x".repeat(65)],
  ["two headers", ["a", "b"]],
  ["two in one line", "a, b"],
  ["a line break", 'a\n{"level":60}'],
  ["colours of a terminal", "\u001b[31ma"],
  ["what is not ASCII", "ä"],
])("%s is not taken: ids go into logs and headers as they are", (_, header) => {
  expect(requestIdFrom(header)).toBeUndefined();
  expect(intake.admit({ requestId: header, traceParent: "nonsense" }, "Put").id).toMatch(/^0{10}-/);
});

test("ids that are made are all different, and may be sent on", () => {
  const make = createRequestIds(Math.random);
  const other = createRequestIds(Math.random);
  const ids = [...Array(1000)].flatMap(() => [make(), other()]);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => requestIdFrom(id) === id)).toBe(true);
});
