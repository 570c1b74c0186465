import { EMPTY_CONFIGURATION } from "@rstore/replica/raft/confchange/configuration";
import type { Configuration, Message, Role } from "@rstore/replica/raft/types";
import { beforeEach, expect, test } from "vitest";
import { Coverage } from "../world/coverage.ts";
import { World } from "../world/world.ts";
import { LeadershipWatch } from "./leadership-watch.ts";

const TIMEOUT_MS = 100;

/** Member 10 of three, which does whatever it is told. */
class FakeNode {
  term = 2n;
  role: Role = "follower";
  leader = 20n;
  transferTarget: bigint | undefined;
  configuration = { index: 5n, configuration: { ...EMPTY_CONFIGURATION, voters: [10n, 20n, 30n] } };
  /** What it does with a message. */
  react = (_: Message): void => {};
  next: Configuration = EMPTY_CONFIGURATION;

  step(message: Message): void {
    this.react(message);
  }

  status() {
    return { leader: this.leader, transferTarget: this.transferTarget };
  }

  isSettled = false;

  isConfigurationSettled() {
    return this.isSettled;
  }

  propose() {
    return { ok: true };
  }

  transferLeadership(target: bigint) {
    this.transferTarget = target;
    return { ok: true };
  }

  proposeConfiguration() {
    this.configuration = { index: 6n, configuration: this.next as typeof this.configuration.configuration };
    return { ok: true, term: this.term, index: 6n };
  }
}

let node: FakeNode;
let world: World;
let nowMs: number;
let watch: LeadershipWatch;

beforeEach(() => {
  node = new FakeNode();
  world = new World({ seed: 1, coverage: new Coverage(), transcript: undefined });
  nowMs = 0;
  const slot = { name: "r0", clock: { nowMs: () => nowMs }, member: { id: 10n, node } };
  watch = new LeadershipWatch(world, slot, TIMEOUT_MS);
  watch.observe();
});

/** Time passes, as for a process that ticks. */
function pass(ms: number, each: () => void = () => {}): void {
  for (let i = 0; i < ms; i += 10) {
    nowMs += 10;
    each();
    watch.observe();
  }
}

const heartbeat = { type: "Heartbeat", from: 20n, to: 10n, term: 2n } as Message;
const preVote = { type: "PreVote", from: 30n, to: 10n, term: 3n, transfer: false } as Message;
const requestVote = { ...preVote, type: "RequestVote" } as Message;
const preVoted = { type: "PreVoteResponse", from: 10n, to: 30n, term: 3n, granted: true } as Message;
const heard = (from: bigint) => node.step({ type: "HeartbeatResponse", from, to: 10n, term: 2n } as Message);

function giveVote(): void {
  node.react = ({ term }) => {
    node.term = term;
  };
  node.step(requestVote);
}

test("leader-loyalty: no vote soon after a leader's word, unless it hands over (A4)", () => {
  node.step(heartbeat);
  pass(30);
  giveVote();
  expect(world.violation?.property).toBe("leader-loyalty");
});

test("leader-loyalty: a vote after an election timeout of silence, or without a leader", () => {
  node.step(heartbeat);
  pass(100);
  giveVote();
  expect(world.violation).toBeUndefined();

  node.leader = 0n;
  node.step({ ...heartbeat, term: 3n } as Message);
  giveVote();
  expect(world.violation).toBeUndefined();
});

test("leader-loyalty: no pre-vote either (A4)", () => {
  node.step(heartbeat);
  node.step(preVote);
  watch.sent({ ...preVoted, granted: false } as Message);
  expect(world.violation).toBeUndefined();
  watch.sent(preVoted);
  expect(world.violation?.property).toBe("leader-loyalty");
});

test("leader-loyalty: a pre-vote for the term under way comes late, and takes nobody's leader away", () => {
  node.step(heartbeat);
  node.step({ ...preVote, term: 2n } as Message);
  watch.sent({ ...preVoted, term: 2n } as Message);
  expect(world.violation).toBeUndefined();
});

test("leader-loyalty: of two pre-votes in one step the one that came without a leader may be granted", () => {
  for (const leaders of [
    [20n, 0n],
    [0n, 20n],
  ]) {
    node.step(heartbeat);
    for (const leader of leaders) {
      node.leader = leader;
      node.step(preVote);
    }
    watch.sent(preVoted);
    expect(world.violation).toBeUndefined();
    watch.observe();
  }
});

test("check-quorum: a leader without a quorum steps down, one that hears a majority leads on (A19)", () => {
  node.role = "leader";
  pass(2000, () => heard(30n));
  expect(world.violation).toBeUndefined();
  pass(1000);
  expect(world.violation?.property).toBe("check-quorum");
});

test("check-quorum: while a process is paused no time passes for it", () => {
  node.role = "leader";
  watch.observe();
  nowMs += 60_000;
  watch.observe();
  expect(world.violation).toBeUndefined();
});

test("transfer-ends: a transfer that does not come about is given up (A17)", () => {
  node.role = "leader";
  node.transferTarget = 20n;
  pass(300, () => heard(20n));
  node.transferTarget = undefined;
  pass(100, () => heard(20n));
  node.transferTarget = 30n;
  pass(300, () => heard(20n));
  expect(world.violation).toBeUndefined();
  pass(400, () => heard(20n));
  expect(world.violation?.property).toBe("transfer-ends");
});

test("transfer-stops-writes: a leader that hands over takes no writes, and does again afterwards (A17)", () => {
  const propose = () => (node.propose as (data: Uint8Array) => unknown)(new Uint8Array(1));
  node.role = "leader";
  watch.observe();
  node.transferLeadership(20n);
  node.transferTarget = undefined;
  propose();
  expect(world.violation).toBeUndefined();
  node.transferLeadership(20n);
  propose();
  expect(world.violation?.property).toBe("transfer-stops-writes");
});

test("removed-leader-steps-down: once the configuration without it is committed (Raft §6)", () => {
  node.role = "leader";
  node.configuration = { index: 6n, configuration: { ...EMPTY_CONFIGURATION, voters: [20n, 30n] } };
  watch.observe();
  expect(world.violation).toBeUndefined();
  node.isSettled = true;
  watch.observe();
  expect(world.violation?.property).toBe("removed-leader-steps-down");
});

function change(expectedIndex: bigint, voters: readonly bigint[]): string | undefined {
  node.next = { ...EMPTY_CONFIGURATION, voters, outgoing: [10n, 20n, 30n] };
  (node.proposeConfiguration as (index: bigint, target: object) => unknown)(expectedIndex, {});
  return world.violation?.property;
}

test("change-as-seen: from the configuration that its caller saw only (A2)", () => {
  node.role = "leader";
  pass(100, () => heard(20n));
  expect(change(4n, [10n, 20n, 30n])).toBe("change-as-seen");
});

test("promotion: nobody becomes a voter who was not heard of (A6)", () => {
  node.role = "leader";
  pass(400, () => heard(20n));
  expect(change(5n, [10n, 20n, 40n])).toBe("promotion");
});

test("promotion: nor one who was not heard of since the leader leads (A6)", () => {
  node.role = "leader";
  pass(50, () => heard(20n));
  expect(change(5n, [10n, 20n, 40n])).toBe("promotion");
});

test("change-to-live-quorum: nothing that could not decide (A9)", () => {
  node.role = "leader";
  pass(400, () => heard(20n));
  expect(change(5n, [20n, 30n])).toBe("change-to-live-quorum");
});

const voted = { type: "RequestVoteResponse", to: 10n, granted: true };

/** Wins term 2 with a vote of that or another term, hears of one more member, and changes. */
function changesAfterVote(term: bigint): string | undefined {
  node.term = term;
  node.role = "candidate";
  pass(10);
  node.step({ ...voted, from: 30n, term } as Message);
  node.term = 2n;
  node.role = "leader";
  pass(20, () => heard(20n));
  return change(5n, [20n, 30n]);
}

test("change-to-live-quorum: who has just voted for the leader is heard of (A9)", () => {
  expect(changesAfterVote(2n)).toBeUndefined();
});

test("change-to-live-quorum: who has voted for it in another term is not (A9)", () => {
  expect(changesAfterVote(1n)).toBe("change-to-live-quorum");
});

test("a change to members that are heard", () => {
  node.role = "leader";
  pass(400, () => [20n, 40n].forEach(heard));
  expect(change(5n, [10n, 20n, 40n])).toBeUndefined();
});
