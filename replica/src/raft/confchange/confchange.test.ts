import { describe, expect, test } from "vitest";
import type { Configuration, MemberId, TargetConfiguration } from "../types.ts";
import { changeTowards, configurationFault, invalidTarget, leaveJoint } from "./confchange.ts";
import { CONTEXT_MAX_BYTES, isJoint, isMember, isVoter, membersOf } from "./configuration.ts";
import { ConfigurationStack } from "./configuration-stack.ts";

const NO_CONTEXT = new Uint8Array(0);

function target(voters: MemberId[], learners: MemberId[] = [], context = NO_CONTEXT): TargetConfiguration {
  return { voters, learners, context };
}

function simple(voters: MemberId[], learners: MemberId[] = []): Configuration {
  return { voters, outgoing: [], learners, learnersNext: [], context: NO_CONTEXT };
}

describe("invalidTarget", () => {
  test("what no cluster may ever have", () => {
    expect(invalidTarget(target([]))).toContain("at least one voter");
    expect(invalidTarget(target([1n, 1n]))).toContain("named twice");
    expect(invalidTarget(target([1n], [2n, 2n]))).toContain("named twice");
    expect(invalidTarget(target([0n]))).toContain("0 is no member id");
    expect(invalidTarget(target([1n], [1n]))).toContain("named twice");
    const many = (from: number, count: number) => Array.from({ length: count }, (_, i) => BigInt(from + i));
    expect(invalidTarget(target(many(1, 9), many(10, 7)))).toBeUndefined();
    expect(invalidTarget(target(many(1, 10)))).toContain("10 voters");
    expect(invalidTarget(target(many(1, 9), many(10, 8)))).toContain("17 members");
    expect(invalidTarget(target([1n], [], new Uint8Array(CONTEXT_MAX_BYTES + 1)))).toContain("context");
  });
});

describe("changeTowards", () => {
  test("with the same voters, in whatever order, the target itself", () => {
    const context = new Uint8Array([1]);
    expect(changeTowards(simple([1n, 2n], [3n]), target([2n, 1n], [5n, 4n], context))).toEqual({
      ...simple([1n, 2n], [4n, 5n]),
      context,
    });
  });

  test("with other voters, joint: promoted learners leave the learners, demoted voters wait", () => {
    const current = simple([1n, 2n, 3n], [4n, 5n]);
    expect(changeTowards(current, target([4n, 1n], [5n, 3n]))).toEqual({
      voters: [1n, 4n],
      outgoing: [1n, 2n, 3n],
      learners: [5n],
      learnersNext: [3n],
      context: NO_CONTEXT,
    });
  });

  test("whatever the target: sound on the way, and the target at the end", () => {
    const ids = [1n, 2n, 3n, 4n, 5n];
    // Each member is absent, a voter or a learner, before and after.
    const kinds = (code: number) => ids.map((id, i) => ({ id, kind: Math.floor(code / 3 ** i) % 3 }));
    const of = (code: number, kind: number) =>
      kinds(code)
        .filter((m) => m.kind === kind)
        .map((m) => m.id);
    for (let before = 0; before < 3 ** 5; before++) {
      for (let after = 0; after < 3 ** 5; after++) {
        const current = simple(of(before, 1), of(before, 2));
        const wanted = target(of(after, 1), of(after, 2));
        if (current.voters.length === 0 || wanted.voters.length === 0) continue;
        const next = changeTowards(current, wanted);
        if (configurationFault(next) !== undefined) expect.fail(`${configurationFault(next)}`);
        if (isJoint(next) && String(next.outgoing) !== String(current.voters)) expect.fail("outgoing");
        const final = isJoint(next) ? leaveJoint(next) : next;
        if (String(final.voters) !== String(wanted.voters)) expect.fail(`${final.voters}`);
        if (String(final.learners) !== String(wanted.learners)) expect.fail(`${final.learners}`);
        if (isJoint(final) || configurationFault(final) !== undefined) expect.fail("final");
      }
    }
  });
});

describe("membership", () => {
  test("a voter of either half has a vote; outgoing voters and learners are members", () => {
    const joint = { ...simple([4n, 5n], [6n]), outgoing: [1n, 4n], learnersNext: [1n] };
    expect(membersOf(joint)).toEqual([1n, 4n, 5n, 6n]);
    expect([1n, 4n, 5n, 6n, 7n].map((id) => isVoter(joint, id))).toEqual([true, true, true, false, false]);
    expect([1n, 6n, 7n].map((id) => isMember(joint, id))).toEqual([true, true, false]);
  });
});

describe("ConfigurationStack", () => {
  const at = (index: bigint) => ({ index, configuration: simple([index]) });

  test("the newest counts; truncation takes it back; what is committed stays (dissertation §4.1)", () => {
    const stack = new ConfigurationStack(at(1n));
    stack.push(at(5n));
    stack.push(at(9n));
    expect(stack.inForce.index).toBe(9n);
    expect(stack.isInForceCommitted()).toBe(false);
    expect(stack.truncateFrom(9n)).toBe(true);
    expect(stack.truncateFrom(6n)).toBe(false);
    expect(stack.inForce.index).toBe(5n);
    expect(stack.commitTo(4n)).toBeUndefined();
    expect(stack.committed.index).toBe(1n);
    expect(stack.commitTo(7n)?.index).toBe(1n);
    expect(stack.committed.index).toBe(5n);
    expect(stack.isInForceCommitted()).toBe(true);
    expect(() => stack.truncateFrom(5n)).toThrow("never rolled back");
  });

  test("several commits at once return the last that was replaced", () => {
    const stack = new ConfigurationStack(at(1n));
    stack.push(at(5n));
    stack.push(at(6n));
    expect(stack.commitTo(6n)?.index).toBe(5n);
  });
});
