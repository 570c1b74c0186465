import { expect, test } from "vitest";
import { describeMessage } from "./describe.ts";
import { configuration, entry, SoloMember } from "./solo-member.ts";
import type { InstallSnapshot } from "./types.ts";

function installSnapshot(index: bigint, term: bigint): InstallSnapshot {
  const inForce = { index: 1n, configuration: configuration([1n, 2n, 3n]) };
  return {
    type: "InstallSnapshot",
    from: 2n,
    to: 1n,
    term: 2n,
    snapshot: { index, term, configuration: inForce },
  };
}

test("a log that has the end of the snapshot keeps what it has, and may have acknowledged, beyond it", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n), entry(3n, 2n), entry(4n, 2n)]);
  solo.drain();
  solo.node.step(installSnapshot(3n, 2n));
  const ready = solo.node.ready();
  expect(ready.snapshot).toBeUndefined();
  expect(ready.messages.map(describeMessage)).toEqual(["1->2 AppendEntriesResponse term=2 index=3"]);
  expect(solo.node.status()).toMatchObject({ commit: 3n, lastIndex: 4n });
});

test("a snapshot that ends before the commit index is answered with the commit index, and dropped", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n), entry(3n, 2n)], 3n);
  solo.drain();
  solo.node.step(installSnapshot(2n, 2n));
  expect(solo.drain().map(describeMessage)).toEqual(["1->2 AppendEntriesResponse term=2 index=3"]);
});

test("two snapshots close together: both are written, and applying goes on after the second (A16)", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.drain();
  solo.node.step(installSnapshot(10n, 2n));
  const first = solo.node.ready();
  solo.node.step(installSnapshot(20n, 2n));
  const second = solo.node.ready();
  solo.append(2n, 2n, [2n, 20n], [entry(21n, 2n)], 21n);
  expect([first.snapshot?.index, second.snapshot?.index]).toEqual([10n, 20n]);
  solo.write(first);
  expect(solo.node.status()).toMatchObject({ applied: 10n, firstIndex: 21n, lastIndex: 21n });
  expect(solo.node.ready().committedEntries).toEqual([]);
  solo.write(second);
  expect(solo.node.status()).toMatchObject({ applied: 20n, commit: 21n });
  expect(solo.node.ready().committedEntries.map((e) => e.index)).toEqual([21n]);
});

test("entries that were handed out and not yet applied do not confuse a snapshot beyond them", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.drain();
  solo.append(2n, 2n, [1n, 1n], [entry(2n, 2n), entry(3n, 2n)], 3n);
  const handedOut = solo.node.ready();
  expect(handedOut.committedEntries.map((e) => e.index)).toEqual([2n, 3n]);
  solo.write(handedOut);
  solo.node.step(installSnapshot(10n, 2n));
  const install = solo.node.ready();
  solo.node.applied(2n);
  solo.write(install);
  solo.node.applied(3n);
  expect(solo.node.status()).toMatchObject({ applied: 10n, commit: 10n });
});

test("the configuration is that of the snapshot; those of the log are gone", () => {
  const solo = SoloMember.born([1n, 2n, 3n]);
  solo.drain();
  const message = installSnapshot(10n, 2n);
  const inForce = { index: 7n, configuration: configuration([2n, 3n], [1n]) };
  solo.node.step({ ...message, snapshot: { ...message.snapshot, configuration: inForce } });
  solo.drain();
  expect(solo.node.status()).toMatchObject({ configuration: inForce, committedConfiguration: inForce });
  solo.node.campaign();
  expect(solo.node.status().role).toBe("follower");
});
