import { expect, test } from "vitest";
import { SoloMember } from "./solo-member.ts";
import type { Message } from "./types.ts";

function heartbeatResponse(from: bigint, readSequence: bigint): Message {
  return { type: "HeartbeatResponse", from, to: 1n, term: 2n, readSequence };
}

test("numbers on the wire differ from those before a restart, so an old answer fits no new read (A11)", () => {
  const asked = [0.25, 0.75].map((chance) => {
    const solo = SoloMember.born([1n, 2n, 3n], [], { random: () => chance });
    solo.append(2n, 2n, [1n, 1n], []);
    solo.node.readIndex(1n);
    return solo.drain().find((message) => message.type === "ReadIndexRequest")?.requestId;
  });
  expect(asked[0]).not.toBe(asked[1]);
});

test("a caller may use the same number twice; each read is answered once (A11)", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.lead([2n]);
  solo.node.readIndex(7n);
  solo.node.readIndex(7n);
  solo.node.ready();
  solo.node.step(heartbeatResponse(2n, 1n));
  expect(solo.node.ready().readStates).toEqual([
    { requestId: 7n, index: 2n },
    { requestId: 7n, index: 2n },
  ]);
});

test("a learner's acknowledgement confirms no read", () => {
  const solo = SoloMember.born([1n, 2n, 3n], [4n]);
  solo.lead([2n]);
  solo.node.readIndex(7n);
  solo.node.ready();
  solo.node.step(heartbeatResponse(4n, 1n));
  expect(solo.node.ready().readStates).toEqual([]);
});

test("in a joint configuration both halves confirm", () => {
  const solo = SoloMember.born([1n, 2n, 3n], [4n, 5n]);
  solo.lead([2n, 3n]);
  for (const from of [4n, 5n]) solo.acknowledge(from, 2n);
  const target = { voters: [1n, 4n, 5n], learners: [], context: new Uint8Array(0) };
  expect(solo.node.proposeConfiguration(1n, target).ok).toBe(true);
  solo.drain();
  solo.node.readIndex(7n);
  solo.node.ready();
  solo.node.step(heartbeatResponse(2n, 1n));
  solo.node.step(heartbeatResponse(3n, 1n));
  expect(solo.node.ready().readStates).toEqual([]);
  solo.node.step(heartbeatResponse(5n, 1n));
  expect(solo.node.ready().readStates).toEqual([{ requestId: 7n, index: 2n }]);
});

test("voters that a change brings in are asked for the round that is under way", () => {
  const solo = SoloMember.born([1n, 2n, 3n], [4n, 5n]);
  solo.lead([2n, 3n]);
  for (const from of [4n, 5n]) solo.acknowledge(from, 2n);
  solo.node.readIndex(7n);
  solo.node.ready();
  const target = { voters: [1n, 4n, 5n], learners: [], context: new Uint8Array(0) };
  expect(solo.node.proposeConfiguration(1n, target).ok).toBe(true);
  const asked = solo.drain().filter((message) => message.type === "Heartbeat" && message.readSequence === 1n);
  expect(asked.map((message) => message.to)).toEqual([2n, 3n, 4n, 5n]);
});
