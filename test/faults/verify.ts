import { Consistency } from "@rstore/proto/rstore/v1/kv";
import { expect } from "vitest";
import type { Cluster } from "../cluster/cluster.ts";
import { eventually } from "../cluster/eventually.ts";
import type { ReplicaProcess } from "../cluster/replica-process.ts";
import { kvAt } from "../cluster/services.ts";
import { byKey, checkHistory } from "../history/check-history.ts";
import { callThroughClient } from "./caller.ts";
import { logPrefix, registerPrefix, type Workload } from "./workload.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/**
 * After faults and load have ended: the replicas hold the same, every acknowledged write is on each of them,
 * no refused one is, and what the clients saw is linearizable.
 */
export async function verify(cluster: Cluster, workload: Workload, members = cluster.running): Promise<void> {
  const client = cluster.client({ timeoutMs: 20_000 });
  await eventually("a write passes after the faults", () => client.put("after", "the faults"), {
    timeoutMs: 30_000,
  });
  await cluster.expectConverged(members);
  for (const replica of members) {
    const keys = await logKeysOf(replica);
    const lost = [...workload.acknowledged].filter((key) => !keys.has(key));
    expect(lost, `acknowledged and not on ${replica.name}`).toEqual([]);
    const revived = [...workload.refused].filter((key) => keys.has(key));
    expect(revived, `refused as not applied and yet on ${replica.name}`).toEqual([]);
  }
  const read = callThroughClient(client, 20_000);
  for (const key of byKey(workload.recorder.operations).keys()) {
    if (!key.startsWith(registerPrefix)) continue;
    const input = { type: "get", key } as const;
    await workload.recorder.record(-1, input, () => read(input));
  }
  const problems = checkHistory(workload.recorder.operations);
  expect(problems.map(({ message }) => message).join("\n\n")).toBe("");
}

/** From the replica's own state: what it has, not what the leader has. */
async function logKeysOf(replica: ReplicaProcess): Promise<Set<string>> {
  const kv = kvAt(replica.clientUrl);
  const keys = new Set<string>();
  const rangeEnd = encode(`${logPrefix.slice(0, -1)}0`);
  let key = encode(logPrefix);
  for (;;) {
    const { keyValues, more } = await kv.range(
      { key, rangeEnd, keysOnly: true, limit: 5_000, consistency: Consistency.SERIALIZABLE },
      { timeoutMs: 20_000 },
    );
    for (const { key: found } of keyValues) keys.add(new TextDecoder().decode(found));
    const last = keyValues.at(-1);
    if (!more || last === undefined) return keys;
    key = Uint8Array.from([...last.key, 0]);
  }
}
