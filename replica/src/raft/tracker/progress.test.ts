import { expect, test } from "vitest";
import { Inflights } from "./inflights.ts";
import { Progress } from "./progress.ts";

function progressAt(match: bigint, next: bigint): Progress {
  const progress = new Progress(2n, next, new Inflights(2, 100));
  progress.match = match;
  return progress;
}

test("probe: one message, then nothing until the member is heard of", () => {
  const progress = progressAt(0n, 5n);
  progress.sent(6n, 10, 3n);
  expect(progress).toMatchObject({ paused: true, next: 5n, wantsAppend: false });
  expect(progress.maybeUpdate(6n)).toBe(true);
  expect(progress).toMatchObject({ paused: false, match: 6n, next: 7n });
});

test("replicate: next runs ahead until the window is full", () => {
  const progress = progressAt(4n, 5n);
  progress.becomeReplicate();
  progress.sent(6n, 10, 3n);
  expect(progress).toMatchObject({ next: 7n, paused: false });
  progress.sent(7n, 10, 3n);
  expect(progress).toMatchObject({ next: 8n, paused: true });
});

test("match never goes back, whatever order acknowledgements come in", () => {
  const progress = progressAt(9n, 12n);
  expect(progress.maybeUpdate(8n)).toBe(false);
  expect(progress.maybeUpdate(9n)).toBe(false);
  expect(progress).toMatchObject({ match: 9n, next: 12n });
  expect(progress.maybeUpdate(20n)).toBe(true);
  expect(progress).toMatchObject({ match: 20n, next: 21n });
});

test("refused in replicate: back to what matches; an old refusal is ignored", () => {
  const progress = progressAt(4n, 5n);
  progress.becomeReplicate();
  progress.sent(9n, 10, 9n);
  expect(progress.maybeDecreaseTo(4n, 2n)).toBe(false);
  expect(progress.maybeDecreaseTo(9n, 6n)).toBe(true);
  expect(progress).toMatchObject({ state: "probe", next: 5n, sentCommit: 4n });
  expect(progress.inflights.count).toBe(0);
});

test("refused in probe: to the hint, never to what matches already or below; only the last probe counts", () => {
  const progress = progressAt(3n, 10n);
  progress.sent(9n, 0, 0n);
  expect(progress.maybeDecreaseTo(8n, 2n)).toBe(false);
  expect(progress.maybeDecreaseTo(9n, 6n)).toBe(true);
  expect(progress).toMatchObject({ next: 7n, paused: false });
  expect(progress.maybeDecreaseTo(6n, 0n)).toBe(true);
  expect(progress.next).toBe(4n);
  // The hint may not lead forward: the probe moves down at least by one.
  const stubborn = progressAt(0n, 10n);
  expect(stubborn.maybeDecreaseTo(9n, 50n)).toBe(true);
  expect(stubborn.next).toBe(9n);
});

test("snapshot: nothing is sent; when it arrived, probing goes on after it; when it failed, where it was", () => {
  const progress = progressAt(3n, 4n);
  progress.becomeSnapshot(20n);
  expect(progress.isPaused()).toBe(true);
  progress.becomeProbe();
  expect(progress).toMatchObject({ state: "probe", next: 21n, pendingSnapshotIndex: 0n });
  progress.becomeSnapshot(30n);
  progress.pendingSnapshotIndex = 0n;
  progress.becomeProbe();
  expect(progress.next).toBe(4n);
});

test("a commit index is told once, and only as far as it counts at the member", () => {
  const progress = progressAt(4n, 5n);
  progress.becomeReplicate();
  expect(progress.canRaiseCommit(3n)).toBe(true);
  progress.sent(4n, 0, 3n);
  expect(progress.canRaiseCommit(3n)).toBe(false);
  progress.sent(4n, 0, 9n);
  expect(progress.sentCommit).toBe(4n);
  expect(progress.canRaiseCommit(9n)).toBe(false);
  progress.sent(6n, 1, 9n);
  expect(progress.sentCommit).toBe(6n);
});
