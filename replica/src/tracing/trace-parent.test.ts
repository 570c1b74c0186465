import { expect, test } from "vitest";
import { formatTraceParent, parseTraceParent } from "./trace-parent.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";

test("a traceparent is read and written (W3C Trace Context §3.2)", () => {
  const parent = parseTraceParent(`00-${traceId}-${spanId}-01`);
  expect(parent).toEqual({ traceId, spanId, flags: 1 });
  expect(formatTraceParent(parent!)).toBe(`00-${traceId}-${spanId}-01`);
});

test("what a later version adds is let be, and not passed on", () => {
  const parent = parseTraceParent(`01-${traceId}-${spanId}-ff-more`);
  expect(formatTraceParent(parent!)).toBe(`00-${traceId}-${spanId}-01`);
});

test.each([
  ["nothing", undefined],
  ["two of them", [`00-${traceId}-${spanId}-01`, `00-${traceId}-${spanId}-01`]],
  ["two in one line", `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`],
  ["upper case", `00-${traceId.toUpperCase()}-${spanId}-01`],
  ["the version that is none", `ff-${traceId}-${spanId}-01`],
  ["more than version 00 has", `00-${traceId}-${spanId}-01-x`],
  ["no trace", `00-${"0".repeat(32)}-${spanId}-01`],
  ["no span", `00-${traceId}-${"0".repeat(16)}-01`],
  ["a very long one", `01-${traceId}-${spanId}-01-${"x".repeat(10_000)}`],
])("%s is no traceparent", (_, header) => {
  expect(parseTraceParent(header)).toBeUndefined();
});
