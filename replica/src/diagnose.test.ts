import { expect, it } from "vitest";
import { withoutSecrets } from "./diagnose.ts";

it("settings that may hold a secret, and passwords within URLs, are left out of a bug report", () => {
  const settings = {
    tracesEndpoint: "http://me:hunter2@collector:4318/v1",
    tracesHeaders: "authorization=hunter2",
    joinToken: "hunter2",
    tlsKey: "hunter2",
    adminPassword: "",
    dataDir: "/var/lib/rstore",
    quotaBytes: 5,
  };
  const shown = withoutSecrets(settings);
  expect(JSON.stringify(shown)).not.toContain("hunter2");
  expect(shown).toMatchObject({
    tracesEndpoint: "http://(left out)@collector:4318/v1",
    dataDir: "/var/lib/rstore",
    quotaBytes: 5,
    adminPassword: "",
  });
});
