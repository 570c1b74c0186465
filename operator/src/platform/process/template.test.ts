import { expect, it } from "vitest";
import { specSchema } from "../../api/v1alpha1/spec-schema.ts";
import { templateFrom } from "./template.ts";

it("what is kept of the history is a setting of the replicas, and a change of it rolls through", () => {
  const plain = templateFrom(specSchema.parse({}));
  expect(plain.flags.join(" ")).not.toContain("compaction");
  const { flags, hash } = templateFrom(
    specSchema.parse({ compaction: { keepRevisions: 1000, keepSeconds: 60 } }),
  );
  expect(flags.join(" ")).toContain("--compaction-keep-revisions 1000 --compaction-keep-seconds 60");
  expect(hash).not.toBe(plain.hash);
});
