import { cpSync } from "node:fs";
import { join } from "node:path";
import { ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema, Reason } from "@rstore/proto/rstore/v1/kv";
import { Role } from "@rstore/proto/rstore/v1/maintenance";
import { describe, expect, it } from "vitest";
import { drawClusterId, refusal } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import { ReplicaProcess } from "../cluster/replica-process.ts";
import { clusterForTest, useCluster } from "../cluster/use-cluster.ts";

const directoryLocked = 70;

/** Longer than two election timeouts: who would campaign has done so. */
const quietMs = 3_000;

const reasonOfThrown = (error: unknown): Reason | undefined => reasonOf(ConnectError.from(error));

function reasonOf(error: ConnectError): Reason | undefined {
  return error.findDetails(ErrorDetailSchema)[0]?.reason;
}

describe("a wiped disk", { timeout: 90_000 }, () => {
  const cluster = useCluster(3);

  it("never votes or leads under its old identity, and comes back by one joint change (B1)", async () => {
    const { replicas } = cluster();
    const leader = await cluster().leader();
    const [wiped, other] = replicas.filter((replica) => replica !== leader);
    const client = cluster().client();
    await client.put("before", "the loss");
    const { clusterId, memberId: oldId } = await wiped!.identity();
    await wiped!.kill();
    wiped!.wipe();
    await wiped!.start();

    const blank = await wiped!.identity();
    expect(blank.clusterId).toBe(0n);
    expect(blank.memberId).not.toBe(oldId);
    expect((await wiped!.status()).role).toBe(Role.UNINITIALIZED);

    // With the leader gone too, its vote is the only one that could make the last replica leader.
    await leader.kill();
    const { header: before } = await other!.status();
    await expect(
      eventually("the one that is left leads", async () => (await other!.status()).role === Role.LEADER, {
        timeoutMs: quietMs,
      }),
    ).rejects.toThrow("not within");
    expect((await wiped!.status()).role).toBe(Role.UNINITIALIZED);
    expect((await wiped!.identity()).clusterId).toBe(0n);
    // Pre-votes that nobody grants raise no term.
    expect((await other!.status()).header!.term).toBe(before!.term);

    await leader.start();
    await client.put("after", "the loss", { timeoutMs: 20_000 });
    const list = await cluster().change({ add: [wiped!], remove: [oldId] });
    expect(list.members.map(({ id }) => id)).not.toContain(oldId);
    expect(list.members).toHaveLength(3);
    expect((await wiped!.identity()).clusterId).toBe(clusterId);
    await cluster().expectConverged();
  });

  it("is never founded twice: a member of a cluster refuses every bootstrap but its own again (B3)", async () => {
    const { clusterId } = await cluster().replica(0).identity();
    const before = await cluster().listMembers();
    for (const replica of cluster().replicas) {
      const memberId = await replica.memberId();
      const other = await refusal(replica.membership.bootstrap({ clusterId: drawClusterId(), memberId }));
      expect(reasonOf(other)).toBe(Reason.WRONG_CLUSTER);
      const wrong = await refusal(replica.membership.bootstrap({ clusterId, memberId: memberId + 1n }));
      expect(reasonOf(wrong)).toBe(Reason.WRONG_MEMBER);
      // The very call that founded the cluster may come again: its answer may have been lost.
      const again = await replica.membership.bootstrap({ clusterId, memberId }).catch(reasonOfThrown);
      expect([Reason.ALREADY_INITIALIZED, 1n]).toContain(
        typeof again === "object" ? again.configurationIndex : again,
      );
    }
    const after = await cluster().listMembers();
    expect(after.members.map(({ id }) => id)).toEqual(before.members.map(({ id }) => id));
    expect(after.configurationIndex).toBe(before.configurationIndex);
  });

  it("is refused by a member of another cluster, and refuses it, when somebody adds one to the other (B3)", async () => {
    const stranger = await cluster().addReplica();
    await stranger.membership.bootstrap({ clusterId: drawClusterId(), memberId: await stranger.memberId() });
    const strangerIdentity = await stranger.identity();
    const list = await cluster().listMembers();
    const leader = await cluster().leader();
    // The leader takes the learner into its configuration; the learner's disk says no.
    await leader.membership
      .changeMembership({
        expectedConfigurationIndex: list.configurationIndex,
        members: [
          ...list.members.map(({ id, kind }) => ({ id, kind })),
          {
            id: strangerIdentity.memberId,
            name: stranger.name,
            peerUrl: stranger.peerUrl,
            clientUrl: stranger.clientUrl,
            kind: 2,
          },
        ],
      })
      .catch(() => {});
    await eventually("the leader's log names the refusal", () => /wrong.cluster/.test(leader.log()));
    expect((await stranger.identity()).clusterId).toBe(strangerIdentity.clusterId);
    await cluster().change({ remove: [strangerIdentity.memberId] });
    await stranger.kill();
  });
});

describe("a directory", { timeout: 60_000 }, () => {
  it("is opened by one process: a second is refused with its own exit code (E9)", async () => {
    const cluster = await clusterForTest(1);
    const first = cluster.replica(0);
    const second = await ReplicaProcess.create({ name: first.name, directory: cluster.directory });
    second.spawn();
    expect(await second.exit).toMatchObject({ code: directoryLocked });
    expect(second.log()).toContain("in use");
    await cluster.client().put("still", "served");
  });

  it("that was copied is refused by the members that know the original (B2, E9)", async () => {
    const cluster = await clusterForTest(3);
    const client = cluster.client();
    const follower = await cluster.follower();
    await client.put("a", "1");
    await follower.stop();
    const copy = join(cluster.directory, "copy");
    cpSync(follower.dataDir, copy, { recursive: true });
    await follower.start();
    for (let at = 0; at < 20; at++) await client.put(`b/${at}`, "2");
    // Only what it has acknowledged can be missed: it may apply an entry before its own disk write is done.
    const { lastIndex } = await (await cluster.leader()).status();
    const memberId = await follower.memberId();
    await eventually("it has acknowledged everything", async () =>
      (await cluster.listMembers()).progress.some(
        (one) => one.memberId === memberId && one.matchIndex >= lastIndex,
      ),
    );
    await follower.kill();
    follower.wipe();
    cpSync(copy, follower.dataDir, { recursive: true });
    // What it acknowledged is missing from the copy: it must not count, and the cluster goes on without it.
    await follower.start().catch(() => {});
    await eventually("the stale copy is refused", () =>
      cluster.replicas.some((replica) => /regress|stale/i.test(replica.log())),
    );
    await client.put("c", "3", { timeoutMs: 20_000 });
    expect((await cluster.leader()).name).not.toBe(follower.name);
  });
});

describe("a removed member", { timeout: 90_000 }, () => {
  it("learns it, stays quiet also after a restart, and joins again after a reset (A4)", async () => {
    const cluster = await clusterForTest(3);
    const client = cluster.client();
    await client.put("a", "1");
    const removed = await cluster.follower();
    const { memberId: oldId, clusterId } = await removed.identity();
    const early = await refusal(removed.membership.reset({ clusterId, memberId: oldId, removedIndex: 0n }));
    expect(reasonOf(early)).toBeDefined();
    await cluster.change({ remove: [oldId] });
    await eventually("it knows that it was removed", async () => (await removed.identity()).removed);
    expect((await removed.status()).role).toBe(Role.REMOVED);

    const term = (await (await cluster.leader()).status()).header!.term;
    await removed.restart();
    expect((await removed.identity()).removed).toBe(true);
    await client.put("b", "2");
    expect((await (await cluster.leader()).status()).header!.term).toBe(term);

    const { memberId: newId } = await removed.membership.reset({
      clusterId,
      memberId: oldId,
      removedIndex: 0n,
    });
    expect(newId).not.toBe(oldId);
    await eventually("it is blank", async () => (await removed.status()).role === Role.UNINITIALIZED);
    await cluster.change({ add: [removed] });
    await cluster.expectConverged();
    expect((await cluster.listMembers()).members).toHaveLength(3);
  });

  it("that was away when it was removed learns it from any member on its return (A4)", async () => {
    const cluster = await clusterForTest(3);
    const away = await cluster.follower();
    const oldId = await away.memberId();
    await away.kill();
    await cluster.change({ remove: [oldId] });
    const term = (await (await cluster.leader()).status()).header!.term;
    await away.start();
    await eventually("it knows that it was removed", async () => (await away.identity()).removed);
    expect((await (await cluster.leader()).status()).header!.term).toBe(term);
  });
});
