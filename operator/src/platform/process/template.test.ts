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

it("so are the level of the log and where traces are sent", () => {
  const tracing = { endpoint: "http://127.0.0.1:4318/v1/traces", sampleRatio: 0.5 };
  const { flags } = templateFrom(specSchema.parse({ logLevel: "debug", tracing }));
  expect(flags.join(" ")).toContain(
    "--log-level debug --trace-endpoint http://127.0.0.1:4318/v1/traces --trace-sample-ratio 0.5",
  );
});
