import { expect, test } from "vitest";
import { DivergedError } from "../apply/state-hashes.ts";
import { asFatal } from "./lifecycle-errors.ts";

test("a replica that differs from its leader ends with an exit code of its own, and says what to do (B14)", () => {
  const fatal = asFatal(
    new DivergedError({ appliedIndex: 64n, hash: 10n }, { appliedIndex: 64n, hash: 11n }),
  );
  expect(fatal.exitCode).toBe(80);
  expect(fatal.message).toContain("after entry 64 this replica's state has hash a, the leader's b");
  expect(fatal.message).toContain("remove the member and add a new, empty one");
});
