import { Outcome, Reason } from "@rstore/proto/rstore/v1/kv";
import { Role } from "@rstore/proto/rstore/v1/maintenance";
import type { Command } from "commander";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type CliRun, runCli } from "../testing/cli-run.ts";
import { FakeReplica, operationError } from "../testing/fake-replica.ts";
import { FakeStore } from "../testing/fake-store.ts";
import { createProgram } from "./program.ts";

let fake: FakeReplica;
beforeAll(async () => {
  fake = await new FakeReplica().start();
});
afterAll(() => fake.stop());
beforeEach(() => {
  fake.store = new FakeStore();
  fake.hooks = {};
});

type Options = Parameters<typeof runCli>[1];
function rstore(argv: readonly string[], options: Options = {}): Promise<CliRun> {
  return runCli(argv, { ...options, env: { ...options.env } }).finally(() => {});
}
function at(...argv: string[]): string[] {
  return ["--endpoints", fake.url, "--timeout", "1s", ...argv];
}

describe("keys", () => {
  test("a value goes in and comes out byte for byte, from an argument, a pipe, and in other encodings", async () => {
    expect(await rstore(at("put", "a", "hello"))).toMatchObject({ code: 0, stdout: "OK, revision 2\n" });
    expect(await rstore(at("get", "a"))).toMatchObject({ code: 0, stdout: "hello" });
    expect(await rstore(at("get", "a"), { stdoutIsTTY: true })).toMatchObject({ stdout: "hello\n" });
    const bytes = new Uint8Array([0, 255, 10]);
    await rstore(at("put", "b"), { stdin: bytes });
    expect((await rstore(at("get", "b"))).stdoutBytes).toEqual(Buffer.from(bytes));
    await rstore(at("put", "c", "-"), { stdin: "dash" });
    expect((await rstore(at("get", "c"))).stdout).toBe("dash");
    await rstore(at("put", "--encoding", "hex", "00ff", "c0de"));
    expect((await rstore(at("get", "--encoding", "base64", "AP8="))).stdout).toBe("wN4=\n");
  });

  test("JSON is stable: bytes that are no text say their encoding", async () => {
    await rstore(at("put", "a", "é"));
    await rstore(at("put", "--encoding", "hex", "62", "ff00"));
    const lines = (await rstore(at("range", "-o", "json"))).stdout.trimEnd().split("\n");
    const meta = { createRevision: 2, modRevision: 2, version: 1 };
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { key: "a", value: "é", ...meta },
      { key: "b", value: "/wA=", encoding: "base64", ...meta, createRevision: 3, modRevision: 3 },
    ]);
    expect(JSON.parse((await rstore(at("get", "a", "-o", "json"))).stdout)).toEqual({
      key: "a",
      value: "é",
      ...meta,
    });
  });

  test("a table of a range does not act on the terminal", async () => {
    await rstore(at("put", "a", "\u001b[2Jx"));
    expect((await rstore(at("range"))).stdout).toBe(
      "KEY  REVISION  VERSION  VALUE\na    2         1        0x1b5b324a78\n",
    );
    expect((await rstore(at("range", "--count"))).stdout).toBe("1\n");
    expect((await rstore(at("range", "--prefix", "b"))).stdout).toBe("");
  });

  test("a key that does not exist ends with code 3, on get and on del", async () => {
    expect(await rstore(at("get", "none"))).toMatchObject({ code: 3, stdout: "" });
    expect(await rstore(at("get", "none", "-o", "json"))).toMatchObject({ code: 3, stdout: "null\n" });
    expect((await rstore(at("del", "none"))).code).toBe(3);
    await rstore(at("put", "p/1", "x"));
    expect(await rstore(at("del", "p/", "--prefix", "-o", "json"))).toMatchObject({
      code: 0,
      stdout: '{"deleted":1,"revision":3}\n',
    });
  });

  test("a compare-and-set that fails ends with code 4 and says the revision", async () => {
    await rstore(at("put", "a", "1"));
    const failed = await rstore(at("put", "a", "2", "--if-absent"));
    expect(failed).toMatchObject({ code: 4, stdout: "" });
    expect(failed.stderr).toContain("nothing was changed");
    expect((await rstore(at("put", "a", "2", "--if-revision", "2"))).code).toBe(0);
  });

  test("an unknown outcome is code 5, no quorum is code 6, no endpoint is code 6 with advice", async () => {
    fake.hooks.operation = () => operationError(Reason.OUTCOME_UNKNOWN, Outcome.UNKNOWN);
    const unknown = await rstore(at("put", "a", "1"));
    expect(unknown.code).toBe(5);
    expect(unknown.stderr).toContain("read the key before you write again");
    fake.hooks.operation = () => operationError(Reason.NO_QUORUM, Outcome.NOT_APPLIED);
    expect((await rstore(["--timeout", "100ms", ...at("get", "a").slice(0, 2), "get", "a"])).code).toBe(6);
    const refused = await rstore(["--endpoints", "http://127.0.0.1:1", "--timeout", "100ms", "get", "a"]);
    expect(refused.code).toBe(6);
    expect(refused.stderr).toContain("npx rstore local up");
  });

  test("wrong usage is code 2, and nothing is sent", async () => {
    const before = fake.batches.length;
    for (const argv of [
      ["put"],
      ["put", "a"],
      ["nonsense"],
      ["get", "--encoding", "hex", "xyz"],
      ["put", "--encoding", "base64", "YQ==", "?"],
      ["range", "--limit", "0"],
      ["range", "a", "--prefix", "b"],
      ["del", "a", "--prefix", "--if-revision", "3"],
      ["put", "a", "b", "--if-absent", "--if-revision", "3"],
      ["--endpoints", "ftp://x", "get", "a"],
      ["--timeout", "never", "get", "a"],
    ]) {
      expect(await rstore(["--endpoints", fake.url, ...argv]), argv.join(" ")).toMatchObject({ code: 2 });
    }
    expect(fake.batches.length).toBe(before);
  });
});

describe("the cluster", () => {
  test("status shows every member, and the one that does not answer", async () => {
    const status = { name: "a", version: "0.1.0", role: Role.LEADER, totalKeys: 5n, problems: [] };
    fake.hooks.maintenance = { status: () => ({ header: fake.header(), ...status }) };
    fake.hooks.cluster = {
      listMembers: () => ({
        header: fake.header(),
        members: [
          { id: 1n, clientUrl: fake.url },
          { id: 2n, clientUrl: "http://127.0.0.1:1" },
        ],
      }),
    };
    const shown = await rstore(at("status"));
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/a +0000000000000001 +leader/);
    expect(shown.stdout).toMatch(/http:\/\/127\.0\.0\.1:1 +unreachable/);
    const [first, second] = JSON.parse((await rstore(at("status", "-o", "json"))).stdout);
    expect(first).toMatchObject({
      reachable: true,
      memberId: "0000000000000001",
      role: "leader",
      totalKeys: 5,
    });
    expect(second).toMatchObject({ reachable: false });
  });

  test("status says what to do when members are known by names of another network", async () => {
    fake.hooks.maintenance = { status: () => ({ header: fake.header() }) };
    fake.hooks.cluster = {
      listMembers: () => ({ header: fake.header(), members: [{ id: 1n, clientUrl: "http://127.0.0.1:1" }] }),
    };
    const shown = await rstore(at("--timeout", "300ms", "status"));
    expect(shown).toMatchObject({ code: 6, stderr: expect.stringContaining("with --only") });
    expect((await rstore(at("status", "--only"))).code).toBe(0);
  });

  test("health needs a linearizable read; with --write a write that changes nothing", async () => {
    fake.hooks.maintenance = { status: () => ({ header: fake.header() }) };
    expect((await rstore(at("health", "--write"))).code).toBe(0);
    expect(fake.store.revision).toBe(1n);
    fake.hooks.maintenance = { status: () => ({ header: fake.header(), problems: ["no space"] }) };
    const full = await rstore(at("health"));
    expect(full).toMatchObject({ code: 6 });
    expect(full.stdout).toContain("no space");
    fake.hooks.operation = () => operationError(Reason.NO_QUORUM, Outcome.NOT_APPLIED);
    expect((await rstore(at("health", "-o", "json"))).stdout).toContain('"reason":"no-quorum"');
  });

  test("hashes that differ are an error", async () => {
    fake.hooks.maintenance = {
      status: () => ({ header: fake.header() }),
      hash: () => ({ header: fake.header(), hash: 7n }),
    };
    expect(await rstore(at("hash", "--only"))).toMatchObject({ code: 0 });
    const other = await new FakeReplica(new FakeStore(), {
      maintenance: { status: () => ({}), hash: () => ({ hash: 8n }) },
    }).start();
    try {
      const both = `${fake.url},${other.url}`;
      expect(await rstore(["--endpoints", both, "hash", "--only", "-o", "json"])).toMatchObject({ code: 1 });
    } finally {
      await other.stop();
    }
  });
});

test("every command has help with an example", () => {
  const io = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: {}, cwd: "/" };
  const seen: string[] = [];
  const visit = (command: Command, path: string): void => {
    if (command.commands.length > 0) {
      for (const child of command.commands) visit(child, `${path} ${child.name()}`);
      return;
    }
    let help = "";
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(help, path).toMatch(/Example:\n {2}\$ (npx )?rstore /);
    seen.push(path.trim());
  };
  visit(createProgram(io), "");
  for (const name of ["put", "get", "range", "del", "compact", "status", "member add", "move-leader"]) {
    expect(seen).toContain(name);
  }
});
