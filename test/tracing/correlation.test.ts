import { Client } from "@rstore/client";
import { describe, expect, it } from "vitest";
import { useCluster } from "../cluster/use-cluster.ts";

/** The lines of a replica's log that name a request, by their ids. */
function linesOf(log: string, request: string): Map<string, Readonly<Record<string, unknown>>> {
  const lines = log
    .split("\n")
    .filter((line) => line.startsWith("{") && line.includes(`${request}`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return new Map(lines.map((line) => [String(line.msgId), line]));
}

describe("one name for a request", { timeout: 60_000 }, () => {
  const cluster = useCluster(3, { settings: { logLevel: "debug", logFormat: "json" } });

  it("from the client's call through a follower to the apply on the leader", async () => {
    const [leader, follower] = [await cluster().leader(), await cluster().follower()];
    const client = new Client({ endpoints: [follower.clientUrl], discover: false });
    const secret = "a-value-that-no-log-holds";
    await client.put("a-key-that-no-log-holds", secret, { requestId: "order-17" });
    client.close();
    const called = linesOf(follower.log(), "order-17");
    expect([...called.keys()]).toEqual(["request.received", "request.forwarded", "request.answered"]);
    const led = linesOf(leader.log(), "order-17");
    expect([...led.keys()]).toEqual(["request.accepted", "request.proposed", "request.applied"]);
    expect(led.get("request.applied")!.index).toBe(led.get("request.proposed")!.index);
    for (const { log } of cluster().replicas.map((replica) => ({ log: replica.log() }))) {
      expect(log).not.toContain("that-no-log-holds");
    }
  });

  it("in the error that the caller gets", async () => {
    const client = cluster().client();
    await client.put("k", "v");
    const wrong = client.put("k", "w", { expectedModRevision: 0n, requestId: "order-18" });
    await expect(wrong).rejects.toMatchObject({ reason: "compare-failed", facts: { requestId: "order-18" } });
    const unnamed = client.put("k", "w", { expectedModRevision: 0n });
    const error = await unnamed.catch((caught: unknown) => caught as { facts: { requestId?: string } });
    const { requestId } = (error as { facts: { requestId?: string } }).facts;
    const logs = () => cluster().replicas.map((replica) => replica.log());
    expect(logs().some((log) => linesOf(log, requestId!).has("request.received"))).toBe(true);
  });

  it("that no log should hold is refused by the client", async () => {
    const call = cluster().client().put("k", "v", { requestId: 'a"\nb' });
    await expect(call).rejects.toMatchObject({ reason: "invalid-argument", facts: { subject: "requestId" } });
  });
});
