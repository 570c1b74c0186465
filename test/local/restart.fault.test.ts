import { describe, expect, it } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { memberIds, memberNames, patienceMs } from "./local-folder.ts";
import { useLocalFolder } from "./use-local-folder.ts";

const moments = [
  "grows from 1 to 3 replicas",
  "adds as learners",
  "gives a vote to",
  "shrinks to 1 replicas",
  "no member is left in slot 1",
] as const;

describe("a local store whose keeper ends in the midst of a change", { timeout: 240_000 }, () => {
  const folder = useLocalFolder();

  it.each(moments)("killed at: %s (E3)", async (moment) => {
    const first = folder().up("--replicas", "1");
    await first.saw("rstore is ready: 1 member.");
    await folder().client().put("kept", "here");
    const { clusterId } = folder().resource().status;
    const ids = memberIds(folder().resource());
    const isShrinking = moments.indexOf(moment) >= 3;
    if (isShrinking) {
      expect((await folder().rstore("local", "scale", "3")).code).toBe(0);
    }
    const wanted = isShrinking ? 1 : 3;
    const scaling = folder().rstore("local", "scale", `${wanted}`);
    await eventually(moment, () => first.output().includes(moment), { timeoutMs: patienceMs, intervalMs: 1 });
    first.child.kill("SIGKILL");
    await first.exited;
    expect((await scaling).stderr).toMatch(/was ended; its next start goes on|^$/);
    const second = folder().start();
    const resource = await folder().settled("the wanted number", (seen) => memberIds(seen).length === wanted);
    expect(memberNames(resource)).toEqual(["r0", "r1", "r2"].slice(0, wanted));
    expect(memberIds(resource)).toEqual(expect.arrayContaining(ids));
    expect(resource.status.clusterId).toBe(clusterId);
    expect((await folder().client().get("kept")).keyValue).toBeDefined();
    expect(await second.end()).toBe(0);
  });
});
