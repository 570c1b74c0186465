import { describe, expect, it } from "vitest";
import { replicaDefinitions } from "./definitions.ts";
import { createInstruments, Distribution } from "./instruments.ts";

const definitions = replicaDefinitions.flatMap(({ metrics }) => metrics);

describe("every metric", () => {
  it("is named once, by the convention, and says what it is", () => {
    expect(new Set(definitions.map(({ name }) => name)).size).toBe(definitions.length);
    for (const { name, type, help } of definitions) {
      expect(name).toMatch(/^rstore_(build|process|raft|replica|store|storage|snapshot|peer|rpc)_[a-z_]+$/);
      expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|kib|mib|percent)\b/);
      expect(help).toMatch(/^[A-Z1].*\.$/);
    }
  });

  it("of a distribution has few buckets, ascending", () => {
    for (const { name, type, buckets } of definitions) {
      expect([name, buckets !== undefined]).toEqual([name, type === "histogram"]);
      const bounds = buckets ?? [];
      expect([name, bounds.toSorted((a, b) => a - b)]).toEqual([name, bounds]);
      expect(bounds.length).toBeLessThanOrEqual(20);
    }
  });

  it("has labels with few values only: closed lists, members, methods, or one for a process", () => {
    for (const { name, labels = {} } of definitions) {
      for (const [label, values] of Object.entries(labels)) {
        expect([name, label]).not.toContain("le");
        if (typeof values === "string") expect(["peer", "method", "self"]).toContain(values);
        else expect(new Set(values).size).toBe(values.length);
        expect(values.length).toBeLessThanOrEqual(20);
      }
    }
  });
});

describe("an instrument", () => {
  const { failures, calls, waits } = createInstruments({
    failures: { name: "f_total", help: "", type: "counter", labels: { reason: ["a", "b"] } },
    calls: { name: "c_total", help: "", type: "counter", labels: { method: "method", code: ["ok"] } },
    waits: { name: "w", help: "", type: "histogram", buckets: [1, 2] },
  });

  it("with closed labels has all of its values from the start, and no other ever", () => {
    expect([...failures].map(({ labels, child }) => [labels, child.value])).toEqual([
      [{ reason: "a" }, 0],
      [{ reason: "b" }, 0],
    ]);
    expect(() => failures.labels({ reason: "c" as "a" })).toThrow("no value of label reason");
    expect(() => failures.labels({} as { reason: "a" })).toThrow("without its label reason");
    expect([...failures]).toHaveLength(2);
  });

  it("is the same for the same labels", () => {
    expect([...calls]).toEqual([]);
    calls.labels({ method: "m", code: "ok" }).increment();
    calls.labels({ method: "m", code: "ok" }).increment(2);
    expect([...calls].map(({ child }) => child.value)).toEqual([3]);
  });

  it("counts a value in the first bucket that is not below it", () => {
    for (const value of [0, 1, 1.5, 2, 3]) waits.observe(value);
    expect([...waits.counts]).toEqual([2, 2, 1]);
    expect(waits.sum).toBe(7.5);
    expect(waits).toBeInstanceOf(Distribution);
  });
});
