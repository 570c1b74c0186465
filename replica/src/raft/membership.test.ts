import { describe, expect, test } from "vitest";
import { encodeConfiguration } from "./confchange/codec.ts";
import { MemoryStorage } from "./memory-storage.ts";
import { configuration, SoloMember } from "./solo-member.ts";
import type { MemberId, TargetConfiguration } from "./types.ts";

function target(voters: MemberId[], learners: MemberId[] = []): TargetConfiguration {
  return { voters, learners, context: new Uint8Array(0) };
}

describe("change of membership", () => {
  test("one is under way as long as the joint configuration is in force, committed or not (A2)", () => {
    const solo = SoloMember.born([1n, 2n, 3n]);
    solo.lead([2n, 3n]);
    expect(solo.node.proposeConfiguration(1n, target([1n, 2n])).ok).toBe(true);
    solo.drain();
    const message = { type: "AppendEntriesResponse", from: 2n, to: 1n, term: 2n, index: 3n } as const;
    solo.node.step({ ...message, rejected: false, hintIndex: 0n, hintTerm: 0n });
    expect(solo.node.status()).toMatchObject({ joint: true, configurationCommitted: true });
    const again = solo.node.proposeConfiguration(3n, target([1n, 3n]));
    expect(again).toEqual({ ok: false, reason: "change-in-progress", index: 3n });
  });

  test("a new leader ends a joint configuration only when an entry of its own term is committed (A1, A2)", () => {
    const storage = MemoryStorage.bootstrapped(configuration([1n, 2n]));
    const joint = { ...configuration([1n, 2n, 3n]), outgoing: [1n, 2n] };
    storage.append([{ index: 2n, term: 1n, type: "configuration", data: encodeConfiguration(joint) }]);
    storage.setHardState({ term: 1n, vote: 0n, commit: 2n });
    const solo = new SoloMember(storage);
    solo.node.campaign();
    solo.drain();
    solo.node.step({ type: "PreVoteResponse", from: 2n, to: 1n, term: 2n, granted: true });
    solo.drain();
    solo.node.step({ type: "RequestVoteResponse", from: 2n, to: 1n, term: 2n, granted: true });
    solo.drain();
    expect(solo.node.status()).toMatchObject({ role: "leader", lastIndex: 3n, joint: true });
    solo.acknowledge(2n, 3n);
    expect(solo.node.status()).toMatchObject({ commit: 3n, lastIndex: 4n, joint: false });
  });

  test("the same change again is refused by its expected index", () => {
    const solo = SoloMember.born([1n, 2n, 3n]);
    solo.lead([2n, 3n]);
    solo.node.proposeConfiguration(1n, target([1n, 2n]));
    solo.drain();
    for (const index of [3n, 4n]) solo.acknowledge(2n, index);
    expect(solo.node.status()).toMatchObject({ joint: false, configurationCommitted: true });
    const again = solo.node.proposeConfiguration(1n, target([1n, 2n]));
    expect(again).toEqual({ ok: false, reason: "index-mismatch", index: 4n });
  });

  test("the context goes with both configurations of a change", () => {
    const solo = SoloMember.born([1n, 2n, 3n]);
    solo.lead([2n, 3n]);
    solo.node.proposeConfiguration(1n, { ...target([1n, 2n]), context: new Uint8Array([7]) });
    expect([...solo.node.status().configuration.configuration.context]).toEqual([7]);
    solo.drain();
    solo.acknowledge(2n, 3n);
    expect([...solo.node.status().configuration.configuration.context]).toEqual([7]);
  });

  test("a leaver goes on being sent to until it answers the heartbeat that carried the commit", () => {
    const solo = SoloMember.born([1n, 2n, 3n]);
    solo.lead([2n, 3n]);
    solo.node.proposeConfiguration(1n, target([1n, 2n]));
    solo.drain();
    for (const index of [3n, 4n]) for (const from of [2n, 3n]) solo.acknowledge(from, index);
    const heartbeatResponse = { type: "HeartbeatResponse", from: 3n, to: 1n, term: 2n } as const;
    solo.node.step({ ...heartbeatResponse, readSequence: 0n });
    expect(solo.node.status().leavers.map((leaver) => leaver.id)).toEqual([3n]);
    solo.node.step({ ...heartbeatResponse, readSequence: 1n });
    expect(solo.node.status().leavers).toEqual([]);
  });

  test("a leaver has no say: neither in commits, nor in reads, nor in whether the leader stays", () => {
    const solo = SoloMember.born([1n, 2n, 3n]);
    solo.lead([2n, 3n]);
    solo.node.proposeConfiguration(1n, target([1n, 2n]));
    solo.drain();
    solo.acknowledge(2n, 3n);
    solo.acknowledge(3n, 4n);
    expect(solo.node.status()).toMatchObject({ commit: 3n, lastIndex: 4n });
    for (let i = 0; i < 12; i++) {
      solo.node.tick();
      solo.acknowledge(3n, 4n);
    }
    expect(solo.node.status().role).toBe("follower");
  });
});

describe("change of membership: a live quorum of both halves, against brute force (A9)", () => {
  test("every set of the dead and every change of up to two voters, for up to seven voters", () => {
    let accepted = 0;
    let refused = 0;
    for (let count = 2; count <= 7; count++) {
      const voters = Array.from({ length: count }, (_, i) => BigInt(i + 1));
      const learners = [11n, 12n];
      for (let mask = 0; mask < 2 ** (count - 1); mask++) {
        const dead = voters.filter((id) => id !== 1n && mask & (1 << (Number(id) - 2)));
        const live = (ids: readonly MemberId[]): boolean =>
          ids.filter((id) => !dead.includes(id)).length * 2 > ids.length;
        if (!live(voters)) continue;
        let solo = leaderWithDead(voters, learners, dead);
        for (const target of targetsOf(voters, learners)) {
          const result = proposeOn(solo, target);
          if (result) solo = leaderWithDead(voters, learners, dead);
          if (result !== live(target)) expect.fail(`${voters} dead ${dead} to ${target}: ${result}`);
          if (result) accepted++;
          else refused++;
        }
      }
    }
    expect(accepted).toBeGreaterThan(500);
    expect(refused).toBeGreaterThan(50);
  });

  /** Add none, one or both learners; keep all voters, or remove any one. */
  function targetsOf(voters: MemberId[], learners: MemberId[]): MemberId[][] {
    const targets: MemberId[][] = [];
    for (const added of [[], learners.slice(0, 1), learners]) {
      for (const removed of [undefined, ...voters]) {
        const target = [...voters.filter((id) => id !== removed), ...added];
        const isChange = removed !== undefined || added.length > 0;
        if (isChange && target.length > 0) targets.push(target);
      }
    }
    return targets;
  }

  /** A leader that hears from all but the dead. */
  function leaderWithDead(voters: MemberId[], learners: MemberId[], dead: MemberId[]): SoloMember {
    const solo = SoloMember.born(voters, learners);
    const others = [...voters, ...learners].filter((id) => id !== 1n && !dead.includes(id));
    solo.lead(others.filter((id) => !learners.includes(id)));
    for (let i = 0; i < 12; i++) {
      solo.node.tick();
      for (const from of others) solo.acknowledge(from, 2n);
    }
    return solo;
  }

  /** Is it accepted? Only then the leader is not as before. */
  function proposeOn(solo: SoloMember, voters: MemberId[]): boolean {
    const before = solo.node.status();
    const result = solo.node.proposeConfiguration(before.configuration.index, {
      voters,
      learners: [],
      context: new Uint8Array(0),
    });
    if (!result.ok) {
      expect(result.reason).toBe("no-live-quorum");
      return false;
    }
    return true;
  }
});
