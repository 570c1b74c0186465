import { expect, test } from "vitest";
import { describeMessage } from "./describe.ts";
import { entry, SoloMember } from "./solo-member.ts";

test("an append that was delayed or doubled takes nothing away (Raft figure 2, step 3)", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  const entries = [entry(2n, 2n), entry(3n, 2n), entry(4n, 2n)];
  solo.append(2n, 2n, [1n, 1n], entries);
  solo.drain();
  solo.append(2n, 2n, [1n, 1n], entries.slice(0, 1));
  expect(solo.node.status().lastIndex).toBe(4n);
  expect(solo.drain().map(describeMessage)).toEqual(["1->2 AppendEntriesResponse term=2 index=2"]);
});

test("the commit index goes no further than what the append vouches for (Raft figure 2, step 5)", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n), entry(3n, 2n)]);
  solo.drain();
  // The leader of term 3 has other entries there, which it has not sent yet.
  solo.append(3n, 3n, [1n, 1n], [], 3n);
  expect(solo.node.status().commit).toBe(1n);
  solo.append(3n, 3n, [1n, 1n], [entry(2n, 3n)], 3n);
  expect(solo.node.status()).toMatchObject({ commit: 2n, lastIndex: 2n });
});

test("an append from before the commit index is answered with the commit index", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n), entry(3n, 2n)], 3n);
  solo.drain();
  solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n)]);
  expect(solo.drain().map(describeMessage)).toEqual(["1->2 AppendEntriesResponse term=2 index=3"]);
});

test("a leader that hears of its entries out of order counts the highest", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.lead([2n, 3n]);
  for (const text of ["a", "b", "c"]) solo.node.propose(Buffer.from(text));
  solo.drain();
  solo.acknowledge(2n, 5n);
  solo.acknowledge(2n, 3n);
  expect(solo.node.status()).toMatchObject({ commit: 5n });
  expect(solo.node.status().members.find((m) => m.id === 2n)).toMatchObject({ match: 5n, next: 6n });
});

test("proposals between two Readys go out as one append, of bounded size", () => {
  const solo = SoloMember.born([1n, 2n], [], { appendMaxBytes: 25 });
  solo.lead([2n]);
  for (let i = 0; i < 5; i++) solo.node.propose(new Uint8Array(10));
  const sent = solo.drain().filter((message) => message.type === "AppendEntries");
  expect(sent.map((message) => message.entries.length)).toEqual([2, 2, 1]);
});
