import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { removeScratch, scratchDirectory } from "../cluster/reaper.ts";
import { type CommandResult, Host } from "./host.ts";
import { Network, whyNoNamespaces } from "./network.ts";

const reason = whyNoNamespaces();
if (reason !== undefined) {
  console.error(`\n!!! SKIPPED: hosts as network namespaces, with partitions by nftables: ${reason} !!!\n`);
}

interface MemberLine {
  readonly name: string;
  readonly id: string;
  readonly kind: string;
}

describe.skipIf(reason !== undefined)(
  "hosts without Kubernetes, as the guide says",
  { timeout: 120_000 },
  () => {
    let network: Network;
    let directory: string;
    const hosts: Host[] = [];
    const host = (name: string) => hosts.find((one) => one.name === name)!;
    const endpoints = (...names: string[]) => names.map((name) => host(name).clientUrl).join(",");

    beforeAll(() => {
      directory = scratchDirectory("hosts");
      network = new Network();
      hosts.push(...["a", "b", "c", "d"].map((name) => new Host(name, network, directory)));
    });
    afterEach(({ task }) => {
      if (task.result?.state === "fail")
        console.error(
          hosts
            .slice(0, 3)
            .map((one) => one.logTail())
            .join("\n"),
        );
    });
    afterAll(async () => {
      await Promise.all(hosts.map((one) => one.kill()));
      network?.close();
      if (directory !== undefined) removeScratch(directory);
    });

    /** Runs `rstore` on a host against some replicas, until it succeeds. */
    function succeeds(on: string, names: readonly string[], ...args: string[]): Promise<CommandResult> {
      return eventually(
        `rstore ${args.join(" ")} on ${on}`,
        async () => {
          const result = await host(on).rstore("--endpoints", endpoints(...names), ...args);
          if (result.code !== 0) throw new Error(`exit code ${result.code}: ${result.stderr}`);
          return result;
        },
        { timeoutMs: 40_000 },
      );
    }

    async function members(): Promise<MemberLine[]> {
      const { stdout } = await succeeds("a", ["a", "b", "c"], "member", "list", "-o", "json");
      return (JSON.parse(stdout) as { members: MemberLine[] }).members;
    }

    async function statusOf(
      name: string,
    ): Promise<{ role: string; term: number; leaderId: string; memberId: string }> {
      const { stdout } = await host(name).rstore(
        "--endpoints",
        endpoints(name),
        "status",
        "--only",
        "-o",
        "json",
      );
      return JSON.parse(stdout)[0];
    }

    function leader(names: readonly string[]): Promise<string> {
      return eventually(`one of ${names} leads`, async () => {
        for (const name of names) if ((await statusOf(name)).role === "leader") return name;
        return undefined;
      });
    }

    it("one founds the cluster, the others are added while it runs", async () => {
      for (const name of ["a", "b", "c"]) host(name).start();
      await succeeds("a", ["a"], "bootstrap", "--peer-url", host("a").peerUrl);
      await succeeds("a", ["a"], "put", "first", "alone");
      await succeeds("a", ["a"], "member", "add", "--peer-url", host("b").peerUrl);
      await succeeds("b", ["b"], "member", "add", "--peer-url", host("c").peerUrl);
      expect((await members()).map(({ name }) => name).sort()).toEqual(["a", "b", "c"]);
      for (const name of ["a", "b", "c"]) {
        expect((await succeeds(name, [name], "get", "first")).stdout).toBe("alone");
      }
    });

    it("a partition around the leader: the majority goes on, the leader alone serves no current read (C1)", async () => {
      const cutOff = await leader(["a", "b", "c"]);
      const others = ["a", "b", "c"].filter((name) => name !== cutOff);
      network.isolate(cutOff);
      await succeeds(others[0]!, others, "put", "during", "partition");
      const stale = await host(cutOff).rstore(
        "--timeout",
        "2s",
        "--endpoints",
        endpoints(cutOff),
        "get",
        "during",
      );
      expect(stale.code).toBe(6);
      const write = await host(cutOff).rstore(
        "--timeout",
        "2s",
        "--endpoints",
        endpoints(cutOff),
        "put",
        "x",
        "y",
      );
      expect([5, 6]).toContain(write.code);
      network.heal();
      await eventually("the one that was cut off has what was written", async () => {
        const { stdout } = await host(cutOff).rstore("--endpoints", endpoints(cutOff), "get", "during");
        return stdout === "partition";
      });
      await succeeds("a", ["a", "b", "c"], "hash");
    });

    it("a follower that hears nothing but is heard does not disturb the others (A4, A19, C1)", async () => {
      const leading = await leader(["a", "b", "c"]);
      const deaf = ["a", "b", "c"].find((name) => name !== leading)!;
      const others = ["a", "b", "c"].filter((name) => name !== deaf);
      const { term } = await statusOf(leading);
      for (const other of others) network.drop(other, deaf);
      await eventually("the deaf one knows no leader", async () =>
        /^0*$/.test((await statusOf(deaf)).leaderId),
      );
      await succeeds(leading, others, "put", "heard", "by the others");
      expect((await statusOf(leading)).term).toBe(term);
      network.heal();
      await eventually("it hears again", async () => {
        const { stdout } = await host(deaf).rstore("--endpoints", endpoints(deaf), "get", "heard");
        return stdout === "by the others";
      });
      expect((await statusOf(leading)).term).toBe(term);
    });

    it("a host that was down comes back and catches up", async () => {
      await host("c").kill();
      for (let at = 0; at < 5; at++) await succeeds("a", ["a", "b"], "put", `away/${at}`, `${at}`);
      host("c").start();
      const { stdout } = await succeeds("c", ["c"], "range", "--prefix", "away/", "--count");
      expect(stdout.trim()).toBe("5");
      await succeeds("a", ["a", "b", "c"], "hash");
    });

    it("a dead host is replaced by another in one change, and one is removed", async () => {
      await host("c").kill();
      host("d").start();
      await succeeds("a", ["a", "b"], "member", "add", "--peer-url", host("d").peerUrl, "--replace", "c");
      expect((await members()).map(({ name }) => name).sort()).toEqual(["a", "b", "d"]);
      await succeeds("d", ["d"], "get", "first");
      await succeeds("a", ["a", "b"], "hash");
      await succeeds("a", ["a", "b", "d"], "member", "remove", "b");
      expect((await members()).map(({ name }) => name).sort()).toEqual(["a", "d"]);
      await succeeds("d", ["d"], "put", "last", "word");
    });
  },
);
