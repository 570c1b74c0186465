import { expect, it } from "vitest";
import { safeName } from "./safe-name.ts";

it("a name from a replica leads nowhere else", () => {
  expect(safeName("metrics.txt", "x")).toBe("metrics.txt");
  expect(safeName("../../etc/passwd", "x")).toBe(".._.._etc_passwd");
  expect(safeName("..", "x")).toBe("x");
  expect(safeName("", "x")).toBe("x");
  expect(safeName("a/b\\c\u0000d", "x")).toBe("a_b_c_d");
  expect(safeName("n".repeat(500), "x")).toHaveLength(100);
});
