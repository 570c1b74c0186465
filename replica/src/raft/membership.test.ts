import { describe, expect, test } from "vitest";
import { SoloMember } from "./solo-member.ts";
import type { MemberId } from "./types.ts";

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
