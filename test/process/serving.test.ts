import { Code, ConnectError } from "@connectrpc/connect";
import { Consistency, ErrorDetailSchema, Outcome, Reason } from "@rstore/proto/rstore/v1/kv";
import { describe, expect, it } from "vitest";
import { refusal } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { kvAt, maintenanceAt, membershipAt } from "../cluster/services.ts";
import { clusterForTest, useCluster } from "../cluster/use-cluster.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

function detailOf(error: ConnectError) {
  return error.findDetails(ErrorDetailSchema)[0];
}

describe("what each replica serves", { timeout: 30_000 }, () => {
  const cluster = useCluster(3);

  it("a follower forwards writes, and says who leads and where", async () => {
    const follower = await cluster().follower();
    const leader = await cluster().leader();
    const { header, revision } = await kvAt(follower.clientUrl).put({ key: encode("f"), value: encode("1") });
    expect(header).toMatchObject({
      memberId: await follower.memberId(),
      leaderId: await leader.memberId(),
      leaderClientUrl: leader.clientUrl,
    });
    const { keyValue } = await kvAt(leader.clientUrl).get({ key: encode("f") });
    expect(keyValue?.modRevision).toBe(revision);
  });

  it("a follower reads linearizably: what was acknowledged elsewhere is seen at once", async () => {
    const follower = kvAt((await cluster().follower()).clientUrl);
    const leader = kvAt((await cluster().leader()).clientUrl);
    for (let at = 0; at < 50; at++) {
      await leader.put({ key: encode("seen"), value: encode(`${at}`) });
      const { keyValue } = await follower.get({ key: encode("seen") });
      expect(decode(keyValue?.value)).toBe(`${at}`);
    }
  });

  it("a follower reads one's own writes with a revision to wait for, without a round to the leader", async () => {
    const follower = kvAt((await cluster().follower()).clientUrl);
    const leader = kvAt((await cluster().leader()).clientUrl);
    for (let at = 0; at < 50; at++) {
      const { revision } = await leader.put({ key: encode("own"), value: encode(`${at}`) });
      const { keyValue, header } = await follower.get({
        key: encode("own"),
        consistency: Consistency.SERIALIZABLE,
        minRevision: revision,
      });
      expect(decode(keyValue?.value)).toBe(`${at}`);
      expect(header!.revision).toBeGreaterThanOrEqual(revision);
    }
  });

  it("a serializable read says its revision and needs nobody else", async () => {
    const follower = await cluster().follower();
    const { header } = await kvAt(follower.clientUrl).get({
      key: encode("own"),
      consistency: Consistency.SERIALIZABLE,
    });
    expect(header!.revision).toBeGreaterThan(0n);
    expect(header!.memberId).toBe(await follower.memberId());
  });

  it("old revisions are read until they are compacted, on every replica alike", async () => {
    const kv = kvAt(cluster().replica(0).clientUrl);
    const first = await kv.put({ key: encode("old"), value: encode("1") });
    const second = await kv.put({ key: encode("old"), value: encode("2") });
    for (const replica of cluster().replicas) {
      const { keyValue } = await kvAt(replica.clientUrl).get({
        key: encode("old"),
        revision: first.revision,
      });
      expect(decode(keyValue?.value)).toBe("1");
    }
    await kv.compact({ revision: second.revision });
    for (const replica of cluster().replicas) {
      const error = await refusal(
        kvAt(replica.clientUrl).get({
          key: encode("old"),
          revision: first.revision,
          minRevision: second.revision,
        }),
      );
      // A replica may not have applied the compaction yet when the call came back.
      if (detailOf(error)?.reason !== Reason.COMPACTED) throw error;
      expect(error.code).toBe(Code.OutOfRange);
    }
    await cluster().expectConverged();
  });

  it("a compare-and-set passes once", async () => {
    const kv = kvAt(cluster().replica(0).clientUrl);
    const { revision } = await kv.put({ key: encode("cas"), value: encode("1"), expectedModRevision: 0n });
    const put = () => kv.put({ key: encode("cas"), value: encode("2"), expectedModRevision: revision });
    const ends = await Promise.allSettled([put(), put(), put()]);
    expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const end of ends) {
      if (end.status === "fulfilled") continue;
      const detail = detailOf(ConnectError.from(end.reason));
      expect(detail).toMatchObject({ reason: Reason.COMPARE_FAILED, outcome: Outcome.NOT_APPLIED });
      expect(detail!.revision).toBeGreaterThan(revision);
    }
  });

  it("metrics and probes are on a port of their own, which serves no keys", async () => {
    const leader = await cluster().leader();
    for (const replica of cluster().replicas) {
      expect((await fetch(`${replica.metricsUrl}/livez`)).status).toBe(200);
      expect((await fetch(`${replica.metricsUrl}/readyz`)).status).toBe(200);
      expect((await fetch(`${replica.metricsUrl}/key/own`)).status).toBe(404);
      const metrics = await (await fetch(`${replica.metricsUrl}/metrics`)).text();
      const value = (name: string) =>
        Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(metrics)?.[1]);
      expect(value("rstore_raft_has_leader")).toBe(1);
      expect(value("rstore_raft_is_leader")).toBe(replica === leader ? 1 : 0);
      expect(value("rstore_raft_term")).toBeGreaterThan(0);
      expect(value("rstore_raft_applied_index")).toBeGreaterThan(0);
      expect(value("rstore_storage_log_flush_duration_seconds_count")).toBeGreaterThan(0);
    }
  });

  it("what changes members is not on the client port", async () => {
    const error = await refusal(membershipAt(cluster().replica(0).clientUrl).transferLeadership({}));
    expect([Code.Unimplemented, Code.NotFound]).toContain(error.code);
  });

  it("leadership is transferred on request", async () => {
    const before = await cluster().leader();
    const target = await cluster().follower();
    await before.membership.transferLeadership({ targetId: await target.memberId() });
    expect(await cluster().leader()).toBe(target);
    await cluster().client().put("transferred", "yes");
  });
});

describe("a blank replica", { timeout: 30_000 }, () => {
  it("is alive and not ready, and says what to do", async () => {
    const cluster = await clusterForTest(0);
    const blank = await cluster.addReplica();
    expect((await fetch(`${blank.metricsUrl}/livez`)).status).toBe(200);
    const ready = await fetch(`${blank.metricsUrl}/readyz`);
    expect(ready.status).toBe(503);
    const error = await refusal(kvAt(blank.clientUrl).put({ key: encode("a"), value: encode("1") }));
    expect(detailOf(error)?.reason).toBe(Reason.NOT_INITIALIZED);
    expect(error.rawMessage).toContain("rstore member add");
  });
});

describe("limits", { timeout: 30_000 }, () => {
  const cluster = useCluster(1, {
    settings: {
      requestMaxBytes: "64KiB",
      inflightMaxRequests: 8,
      batchMaxOperations: 100,
      connectionsMax: 40,
    },
  });
  const kv = () => kvAt(cluster().replica(0).clientUrl);

  it("a request that is too large is refused by the limit's name", async () => {
    const error = await refusal(kv().put({ key: encode("a"), value: new Uint8Array(80 * 1024) }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(detailOf(error)).toMatchObject({ subject: "request_max_bytes", limit: 65_536n });
    expect(detailOf(error)!.outcome).not.toBe(Outcome.UNKNOWN);
    await kv().put({ key: encode("a"), value: encode("fits") });
  });

  it("a batch of too many operations is refused by the limit's name", async () => {
    const operations = Array.from({ length: 101 }, () => ({
      operation: { case: "get" as const, value: { key: encode("a") } },
    }));
    const error = await refusal(kv().batch({ operations }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(detailOf(error)).toMatchObject({ subject: "batch_max_operations", limit: 100n });
  });

  it("requests beyond those under way are refused by the limit's name, and the replica stays healthy", async () => {
    // They wait for a revision that does not come before their deadline.
    const waiting = () => kv().get({ key: encode("a"), minRevision: 1_000_000n }, { timeoutMs: 3_000 });
    const ends = await Promise.all(Array.from({ length: 12 }, () => refusal(waiting())));
    const refused = ends.filter(({ code }) => code === Code.ResourceExhausted);
    expect(refused).toHaveLength(4);
    expect(detailOf(refused[0]!)).toMatchObject({ subject: "inflight_max_requests", limit: 8n });
    await eventually("it serves again", () => kv().put({ key: encode("a"), value: encode("1") }));
    const { problems } = await maintenanceAt(cluster().replica(0).clientUrl).status({});
    expect(problems).toEqual([]);
  });

  it("connections beyond the limit are turned away, and the replica stays healthy", async () => {
    const { connect } = await import("node:net");
    const port = cluster().replica(0).clientPort;
    const sockets = Array.from({ length: 60 }, () => connect(port, "127.0.0.1").on("error", () => {}));
    try {
      await eventually("some were closed", () => sockets.filter(({ closed }) => closed).length >= 20);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    await eventually("it serves", () => kv().put({ key: encode("a"), value: encode("1") }));
  });
});
