import { expect, test } from "vitest";
import { anyPut, openLoneMember, soon } from "./lone-member-harness.ts";

test("a leader compacts by the settings, through the log", async () => {
  const { member, close } = await openLoneMember({ config: { compactionKeepRevisions: 2 } });
  try {
    const { store } = member.machine;
    const put = anyPut();
    await member.write([put, put, put, put, put], { deadlineMs: soon(), forward: false });
    expect(store.revision).toBe(6n);
    await expect.poll(() => store.compactedRevision, { timeout: 10_000 }).toBe(4n);
    expect(store.get(put.key, 4n)).toMatchObject({ modRevision: 4n });
    expect(store.get(put.key, 3n)).toMatchObject({ reason: "compacted" });
  } finally {
    await close();
  }
});
