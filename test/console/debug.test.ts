import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { cleanEnvironment } from "../cluster/replica-process.ts";
import { useCluster } from "../cluster/use-cluster.ts";
import { secretList, writeSecrets } from "./secret-load.ts";
import { tracesOf } from "./traces-of.ts";

const program = fileURLToPath(new URL("../../client/bin/rstore.js", import.meta.url));
const documents = [
  "console.json",
  "identity.json",
  "log.jsonl",
  "metrics.txt",
  "process.json",
  "settings.json",
  "status.json",
];

interface Ran {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function rstoreDebug(cluster: Cluster, ...args: string[]): Promise<Ran> {
  const endpoints = cluster.replicas.map(({ clientUrl }) => clientUrl).join(",");
  const argv = [program, "--endpoints", endpoints, "--timeout", "2s", "debug", ...args];
  const options = {
    cwd: cluster.directory,
    env: cleanEnvironment(),
    encoding: "buffer" as const,
    maxBuffer: 2 ** 26,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, argv, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? 1);
      resolve({ code, stdout, stderr: stderr.toString() });
    });
  });
}

/** The text of each file of an archive, by its path within the one folder that an archive has. */
async function unpack(cluster: Cluster, archive: string): Promise<Map<string, string>> {
  const folder = join(cluster.directory, `unpacked-${performance.now()}`);
  mkdirSync(folder);
  await new Promise<void>((resolve, reject) => {
    execFile("tar", ["-xzf", archive, "-C", folder], (error) => (error === null ? resolve() : reject(error)));
  });
  const [only, ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  const root = join(folder, only!);
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" });
  const files = paths.filter((path) => statSync(join(root, path)).isFile());
  return new Map(files.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

describe("rstore debug", () => {
  const cluster = useCluster(3);

  it("has everything of every member, and no key and no value", async () => {
    await writeSecrets(cluster());
    const archive = join(cluster().directory, "all.tar.gz");
    const { code, stderr } = await rstoreDebug(cluster(), "--file", archive);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining("knows 3 members") });
    expect(statSync(archive).mode & 0o777).toBe(0o600);
    const files = await unpack(cluster(), archive);
    const expected = cluster().replicas.flatMap(({ name }) =>
      documents.map((document) => `replicas/${name}/${document}`),
    );
    expect([...files.keys()].sort()).toEqual(
      ["README.txt", "members.json", ...expected, "summary.json"].sort(),
    );
    for (const [path, text] of files)
      expect({ path, found: tracesOf(secretList, text) }).toEqual({ path, found: [] });
    expect(files.get("replicas/r1/metrics.txt")).toMatch(/^rstore_raft_commit_index \d+$/m);
    expect(files.get("replicas/r2/log.jsonl")).toContain('"id":"raft.configuration"');
    expect(JSON.parse(files.get("replicas/r3/status.json")!)).toMatchObject({ role: expect.any(String) });
    expect(JSON.parse(files.get("members.json")!).members).toHaveLength(3);
  });

  it("what the test looks for is found where it is", async () => {
    const { stdout } = await new Promise<{ stdout: string }>((resolve) => {
      const argv = [program, "--endpoints", cluster().replica(0).clientUrl, "-o", "json", "range"];
      execFile(process.execPath, argv, { env: cleanEnvironment() }, (_, out) => resolve({ stdout: out }));
    });
    expect(tracesOf(secretList, stdout).length).toBeGreaterThan(1);
    expect(
      tracesOf(secretList, Buffer.from(`before ${secretList[0]} after`).toString("base64")),
    ).toHaveLength(1);
  });

  it("nothing that the metrics port serves has a key or a value", async () => {
    for (const { metricsUrl } of cluster().replicas) {
      for (const path of ["/console/state.json", "/metrics", "/console", "/livez", "/readyz"]) {
        const text = await (await fetch(metricsUrl + path)).text();
        expect({ path, found: tracesOf(secretList, text) }).toEqual({ path, found: [] });
      }
    }
  });

  it("writes to standard output; an archive that is there is not overwritten", async () => {
    const { code, stdout } = await rstoreDebug(cluster(), "--file", "-");
    expect(code).toBe(0);
    expect(stdout.subarray(0, 2).toString("hex")).toBe("1f8b");
    expect((await rstoreDebug(cluster(), "--file", "once.tar.gz")).code).toBe(0);
    const again = await rstoreDebug(cluster(), "--file", "once.tar.gz");
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("exists already") });
  });

  it("a replica that does not answer is noted; one that is no member is asked by its peer URL", async () => {
    const blank = await cluster().addReplica();
    const victim = await cluster().follower();
    await victim.kill();
    const archive = join(cluster().directory, "some.tar.gz");
    const { code } = await rstoreDebug(cluster(), "--file", archive, "--peer", blank.peerUrl);
    expect(code).toBe(0);
    const files = await unpack(cluster(), archive);
    expect(files.get("README.txt")).toContain(`Missing of ${victim.name}:`);
    const { asked } = JSON.parse(files.get("summary.json")!) as {
      asked: { replica: string; answered: boolean }[];
    };
    expect(asked.map(({ answered }) => answered).sort()).toEqual([false, true, true, true]);
    expect(files.has(`replicas/${victim.name}/status.json`)).toBe(false);
    const identities = [...files].filter(([path]) => path.endsWith("identity.json")).map(([, text]) => text);
    expect(identities.filter((text) => JSON.parse(text).clusterId === "0")).toHaveLength(1);
  });

  it("with nobody there it says so, and still writes what it knows", async () => {
    for (const replica of cluster().running) await replica.kill();
    const { code, stderr } = await rstoreDebug(cluster(), "--file", "none.tar.gz");
    expect({ code, stderr }).toEqual({ code: 6, stderr: expect.stringContaining("no replica answered") });
    const files = await unpack(cluster(), join(cluster().directory, "none.tar.gz"));
    expect([...files.keys()].sort()).toEqual(["README.txt", "summary.json"]);
  });
});
