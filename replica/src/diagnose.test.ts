import { expect, it } from "vitest";
import { withoutSecrets } from "./diagnose.ts";

it("settings that may hold a secret, and what URLs have beside a place, are left out of a bug report", () => {
  const settings = {
    tracesEndpoint: "http://me:hunter2@collector:4318/v1",
    traceEndpoint: "https://collector:4318/v1/traces?api=hunter2#hunter2",
    clientAdvertise: "http://10.0.0.1:4001",
    peerAdvertise: "r1=http://me:hunter2@10.0.0.1:4101/?k=hunter2",
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
    tracesEndpoint: "http://collector:4318/v1",
    traceEndpoint: "https://collector:4318/v1/traces",
    dataDir: "/var/lib/rstore",
    quotaBytes: 5,
    adminPassword: "",
  });
});
