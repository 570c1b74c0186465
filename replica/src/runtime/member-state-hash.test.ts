import { expect, test } from "vitest";
import { decodeCommandBatch } from "../apply/command.ts";
import { anyPut, openLoneMember, soon } from "./lone-member-harness.ts";

test("a leader puts its state's hash into the log for the others to compare, once for each (B14)", async () => {
  const { member, directory, close } = await openLoneMember();
  try {
    for (let i = 0; i < 140; i++) await member.write([anyPut()], { deadlineMs: soon(), forward: false });
    const { log } = directory;
    const compared = log
      .entries(log.firstIndex(), log.lastIndex() + 1n, Number.POSITIVE_INFINITY)
      .filter(({ type, data }) => type === "normal" && data.length > 0)
      .map(({ data }) => decodeCommandBatch(data).stateHash?.appliedIndex)
      .filter((index) => index !== undefined);
    expect(compared).toEqual([64n, 128n]);
  } finally {
    await close();
  }
});
