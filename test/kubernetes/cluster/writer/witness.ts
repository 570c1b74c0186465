import { Client, type Member } from "@rstore/client";
import { Consistency } from "@rstore/proto/rstore/v1/kv";
import { kvAt } from "../../../cluster/services.ts";
import { callThroughClient } from "../../../faults/caller.ts";
import { byKey, checkHistory } from "../../../history/check-history.ts";
import { logPrefix, type WriterWorkload } from "./workload.ts";

/** What the replicas say of themselves. */
export interface Truth {
  readonly members: readonly { readonly id: string; readonly name: string; readonly kind: string }[];
  readonly leader: string;
  readonly clusterId: string;
  readonly joint: boolean;
  readonly replicas: readonly ReplicaTruth[];
}

export interface ReplicaTruth {
  readonly name: string;
  readonly id: string;
  readonly role: string;
  readonly problems: readonly string[];
}

export interface Verdict {
  readonly acknowledged: number;
  readonly operations: number;
  /** By the replica's name: acknowledged and not there, refused and yet there. */
  readonly lost: Readonly<Record<string, readonly string[]>>;
  readonly revived: Readonly<Record<string, readonly string[]>>;
  /** What of the history can't be explained by any order of the operations. */
  readonly problems: readonly string[];
}

const encode = (text: string) => new TextEncoder().encode(text);
const hex = (id: bigint) => id.toString(16).padStart(16, "0");
const askTimeoutMs = 20_000;

export async function askTruth(client: Client): Promise<Truth> {
  const list = await client.listMembers({ consistency: "linearizable", timeoutMs: askTimeoutMs });
  const replicas = await Promise.all(list.members.map((member) => askReplica(member)));
  return {
    members: list.members.map(({ id, name, kind }) => ({ id: hex(id), name, kind })),
    leader: list.members.find(({ id }) => id === list.header.leaderId)?.name ?? "",
    clusterId: hex(list.header.clusterId),
    joint: list.joint,
    replicas,
  };
}

async function askReplica(member: Member): Promise<ReplicaTruth> {
  const replica = new Client({ endpoints: [member.clientUrl], discover: false, timeoutMs: askTimeoutMs });
  try {
    const { header, role, problems } = await replica.status();
    return { name: member.name, id: hex(header.memberId), role, problems };
  } finally {
    replica.close();
  }
}

/** The workload must be at rest. */
export async function verify(client: Client, workload: WriterWorkload): Promise<Verdict> {
  const read = callThroughClient(client, askTimeoutMs);
  for (const key of byKey(workload.recorder.operations).keys()) {
    if (key.startsWith(logPrefix)) continue;
    const input = { type: "get", key } as const;
    await workload.recorder.record(-1, input, () => read(input));
  }
  const { members, header } = await client.listMembers({ consistency: "linearizable" });
  const lost: Record<string, string[]> = {};
  const revived: Record<string, string[]> = {};
  for (const { name, clientUrl } of members) {
    const keys = await keysAt(clientUrl, header.revision);
    lost[name] = [...workload.acknowledged].filter((key) => !keys.has(key));
    revived[name] = [...workload.refused].filter((key) => keys.has(key));
  }
  const history = workload.takeHistory();
  const problems = checkHistory(history).map(({ message }) => message);
  return { acknowledged: workload.acknowledged.size, operations: history.length, lost, revived, problems };
}

/** From the replica's own state: what it has, not what the leader has. */
async function keysAt(url: string, minRevision: bigint): Promise<Set<string>> {
  const kv = kvAt(url);
  const keys = new Set<string>();
  const rangeEnd = encode(`${logPrefix.slice(0, -1)}0`);
  let key = encode(logPrefix);
  for (;;) {
    const consistency = Consistency.SERIALIZABLE;
    const page = await kv.range(
      { key, rangeEnd, keysOnly: true, limit: 5_000, consistency, minRevision },
      { timeoutMs: askTimeoutMs },
    );
    for (const { key: found } of page.keyValues) keys.add(new TextDecoder().decode(found));
    const last = page.keyValues.at(-1);
    if (!page.more || last === undefined) return keys;
    key = Uint8Array.from([...last.key, 0]);
  }
}
