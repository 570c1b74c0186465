import { describe, expect, it } from "vitest";
import type { Member } from "./member.ts";
import { changeMembership } from "./member-admin.ts";
import type { ReplicaError } from "./replica-api.ts";

/** A leader whose configuration in force is at index 20, with what it has applied of the log. */
function leaderThatApplied(appliedIndex: bigint, removed: ReadonlyMap<bigint, bigint>): Member {
  return {
    isLeader: true,
    onLoop: async (task: () => unknown) => task(),
    machine: { appliedIndex, applier: { members: { removedIndex: (id: bigint) => removed.get(id) } } },
    node: { configuration: { index: 20n } },
  } as unknown as Member;
}

const change = {
  expectedIndex: 20n,
  target: [{ id: 7n, name: "r7", peerUrl: "http://r7", clientUrl: "http://r7", kind: "learner" as const }],
};

const refusal = (member: Member) =>
  changeMembership(member, change, { deadlineMs: 1000 }).catch((error: ReplicaError) => error.reason);

describe("a change of membership", () => {
  it("is refused with a member that was removed (A7)", async () => {
    expect(await refusal(leaderThatApplied(20n, new Map([[7n, 20n]])))).toBe("member-removed");
  });

  it("is refused until it is known whom the configuration in force removed (A7)", async () => {
    expect(await refusal(leaderThatApplied(19n, new Map()))).toBe("change-in-progress");
  });
});
