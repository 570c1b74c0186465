import { expect, test } from "vitest";
import { MemoryStorage } from "./memory-storage.ts";
import { RawNode } from "./raw-node.ts";
import type { Configuration, Message, RaftOptions } from "./types.ts";

const options: Omit<RaftOptions, "id"> = {
  electionTimeoutTicks: 10,
  heartbeatTicks: 2,
  random: () => 0,
  appendMaxBytes: 1024,
  inflightMaxMessages: 8,
  inflightMaxBytes: 4096,
  uncommittedMaxBytes: 4096,
  proposalMaxBytes: 1024,
  committedMaxBytes: 4096,
  pendingReadsMax: 4,
  promoteMaxLagEntries: 10n,
  leaverMaxTicks: 50,
};

function configuration(...voters: bigint[]): Configuration {
  return { voters, outgoing: [], learners: [], learnersNext: [], context: new Uint8Array(0) };
}

test("three members elect a leader, commit and read", () => {
  const ids = [1n, 2n, 3n];
  const disks = new Map(ids.map((id) => [id, MemoryStorage.bootstrapped(configuration(...ids))]));
  const nodes = new Map(ids.map((id) => [id, new RawNode({ ...options, id }, disks.get(id)!)]));
  const applied = new Map<bigint, string[]>(ids.map((id) => [id, []]));
  const reads: bigint[] = [];
  const settle = (): void => {
    for (let busy = true; busy; ) {
      busy = false;
      for (const [id, node] of nodes) {
        if (!node.hasReady()) continue;
        busy = true;
        const ready = node.ready();
        const out: Message[] = [...ready.messages];
        if (ready.appendToken !== undefined) {
          disks.get(id)!.write(ready);
          node.appended(ready.appendToken);
        }
        out.push(...ready.messagesAfterAppend);
        for (const entry of ready.committedEntries) {
          if (entry.type === "normal" && entry.data.length > 0)
            applied.get(id)!.push(Buffer.from(entry.data).toString());
          node.applied(entry.index);
        }
        reads.push(...ready.readStates.map((r) => r.index));
        for (const message of out) nodes.get(message.to)!.step(message);
      }
    }
  };
  nodes.get(1n)!.campaign();
  settle();
  expect(nodes.get(1n)!.status().role).toBe("leader");
  expect(nodes.get(1n)!.propose(Buffer.from("a")).ok).toBe(true);
  settle();
  nodes.get(2n)!.readIndex(7n);
  settle();
  expect(reads).toEqual([3n]);
  for (const id of ids) expect(applied.get(id)).toEqual(["a"]);
});
