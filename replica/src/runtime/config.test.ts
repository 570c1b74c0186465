import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FatalError } from "../errors.ts";
import { configSchema, environmentName, flagName, loadConfig, showBytes } from "./config.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rstore-config-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, "replica.yaml");
  writeFileSync(path, text);
  return path;
}

function problem(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(FatalError);
    expect((error as FatalError).reason).toBe("invalidConfiguration");
    return (error as FatalError).message;
  }
  throw new Error("nothing was refused");
}

describe("settings", () => {
  test("flags win over the environment, the environment over the file, the file over defaults", () => {
    const path = file("name: from-file\nquotaBytes: 2GiB\nheartbeatIntervalMs: 50\n");
    const environment = { RSTORE_NAME: "from-env", RSTORE_QUOTA_BYTES: "1GiB" };
    const config = loadConfig({ name: "from-flag" }, environment, path);
    expect(config.name).toBe("from-flag");
    expect(config.quotaBytes).toBe(1024 ** 3);
    expect(config.heartbeatIntervalMs).toBe(50);
    expect(config.electionTimeoutMs).toBe(1000);
  });

  test("what is advertised defaults to where it listens", () => {
    const config = loadConfig({ clientListen: "127.0.0.1:9000" }, {});
    expect(config.clientAdvertise).toBe("http://127.0.0.1:9000");
  });

  test.each([
    [0, "0GiB"],
    [1000, "1000"],
    [1536 * 1024, "1536KiB"],
    [64 * 1024 ** 2, "64MiB"],
    [8 * 1024 ** 3, "8GiB"],
  ])("%d bytes are shown as they may be written", (bytes, shown) => {
    expect(showBytes(bytes)).toBe(shown);
    expect(loadConfig({ reserveBytes: shown }, {}).reserveBytes).toBe(bytes);
  });

  test("every setting has a description, a flag and a variable", () => {
    for (const [key, schema] of Object.entries(configSchema.shape)) {
      expect(schema.description, key).toBeTruthy();
      expect(flagName(key)).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(environmentName(key)).toMatch(/^RSTORE_[A-Z_]+$/);
    }
  });
});

describe("bad settings name the setting and the limit", () => {
  test.each([
    [{ electionTimeoutMs: "400" }, /--election-timeout-ms \(400\) must be at least five heartbeats/],
    [{ missedHeartbeats: "1" }, /--missed-heartbeats must be at least 2/],
    [{ missedHeartbeats: "10000" }, /--missed-heartbeats times --heartbeat-interval-ms must be at most/],
    [{ quotaBytes: "12 bananas" }, /--quota-bytes: give a number of bytes/],
    [{ clientListen: "4001" }, /--client-listen: give host:port/],
    [{ clientListen: "127.0.0.1:99999" }, /--client-listen: a port is at most 65535/],
    [{ diskDeadlineMs: "3000000000" }, /--disk-deadline-ms/],
    [{ connectionsMax: "0" }, /--connections-max must be at least 1/],
    [{ inflightMaxRequests: "0" }, /--inflight-max-requests must be at least 1/],
    [{ logLevel: "loud" }, /--log-level/],
    [{ inflightMaxBytes: "1MiB" }, /--inflight-max-bytes must be at least --request-max-bytes/],
    [{ clientListen: "0.0.0.0:4001" }, /--client-advertise is needed/],
    [{ peerListen: "[::]:4101" }, /--peer-advertise is needed/],
    [{ peerAdvertise: "ftp://x" }, /--peer-advertise/],
  ])("%o", (flags, message) => {
    expect(problem(() => loadConfig(flags, {}))).toMatch(message);
  });

  test("an unknown key of the file", () => {
    expect(problem(() => loadConfig({}, {}, file("quota: 1\n")))).toMatch(/no setting is called "quota"/);
  });

  test("a file that is not there", () => {
    expect(problem(() => loadConfig({}, {}, "/nowhere/x.yaml"))).toMatch(/\/nowhere\/x.yaml cannot be read/);
  });
});
