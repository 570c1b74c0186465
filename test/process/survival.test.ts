import { Consistency } from "@rstore/proto/rstore/v1/kv";
import { describe, expect, it } from "vitest";
import { kvAt } from "../cluster/services.ts";
import { useCluster } from "../cluster/use-cluster.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

async function readAt(clientUrl: string, key: string): Promise<string | undefined> {
  const { keyValue } = await kvAt(clientUrl).get({ key: encode(key) });
  return decode(keyValue?.value);
}

describe("three replicas as processes", { timeout: 60_000 }, () => {
  const cluster = useCluster(3);

  it("have one leader, and a write to any of them is read linearizably from each", async () => {
    const { replicas } = cluster();
    for (const [at, replica] of replicas.entries()) {
      await kvAt(replica.clientUrl).put({ key: encode(`from-${at}`), value: encode(replica.name) });
      for (const reader of replicas) expect(await readAt(reader.clientUrl, `from-${at}`)).toBe(replica.name);
    }
  });

  it("lose nothing that was acknowledged when the leader is killed, and it catches up again", async () => {
    const client = cluster().client();
    const leader = await cluster().leader();
    const acknowledged: string[] = [];
    const write = async (at: number) => {
      await client.put(`killed/${at}`, `${at}`, { timeoutMs: 20_000 }).then(
        () => acknowledged.push(`killed/${at}`),
        () => {},
      );
    };
    const writes = Array.from({ length: 200 }, (_, at) => write(at));
    await writes[0];
    await leader.kill();
    await Promise.all(writes);
    expect(await cluster().leader()).not.toBe(leader);
    await client.put("after", "the leader", { timeoutMs: 20_000 });
    for (const key of acknowledged) expect((await client.get(key)).keyValue).toBeDefined();
    await leader.start();
    await cluster().expectConverged();
    expect(await readAt(leader.clientUrl, "after")).toBe("the leader");
  });

  it("go on without a killed follower, which catches up on its return", async () => {
    const client = cluster().client();
    const follower = await cluster().follower();
    await follower.kill();
    for (let at = 0; at < 50; at++) await client.put(`alone/${at}`, `${at}`);
    await follower.start();
    await cluster().expectConverged();
    const { keyValues } = await kvAt(follower.clientUrl).range({
      key: encode("alone/"),
      prefix: true,
      consistency: Consistency.SERIALIZABLE,
    });
    expect(keyValues).toHaveLength(50);
  });

  it("do not serve writes or linearizable reads without a majority, and serve again when it returns", async () => {
    const [leader, follower, other] = [await cluster().leader(), ...cluster().replicas].filter(
      (replica, at, all) => all.indexOf(replica) === at,
    );
    await Promise.all([follower!.kill(), other!.kill()]);
    const alone = kvAt(leader!.clientUrl);
    await expect(
      alone.put({ key: encode("lonely"), value: encode("1") }, { timeoutMs: 1_500 }),
    ).rejects.toThrow();
    await expect(alone.get({ key: encode("after") }, { timeoutMs: 1_500 })).rejects.toThrow();
    const stale = await alone.get({ key: encode("after"), consistency: Consistency.SERIALIZABLE });
    expect(decode(stale.keyValue?.value)).toBe("the leader");
    await Promise.all([follower!.start(), other!.start()]);
    await cluster().client().put("together", "again", { timeoutMs: 20_000 });
    await cluster().expectConverged();
  });

  it("are killed all at once under writes, start again, and have every acknowledged write (B4)", async () => {
    const client = cluster().client();
    const acknowledged: number[] = [];
    const writes = Array.from({ length: 500 }, (_, at) =>
      client.put(`all/${at}`, `${at}`).then(
        () => acknowledged.push(at),
        () => {},
      ),
    );
    await Promise.race(writes);
    await Promise.all(cluster().replicas.map((replica) => replica.kill()));
    await Promise.all(writes);
    expect(acknowledged.length).toBeGreaterThan(0);
    await Promise.all(cluster().replicas.map((replica) => replica.start()));
    const again = cluster().client();
    for (const at of acknowledged) {
      expect((await again.get(`all/${at}`, { timeoutMs: 20_000 })).keyValue).toBeDefined();
    }
    await cluster().expectConverged();
  });
});
