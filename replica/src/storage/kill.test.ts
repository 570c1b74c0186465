import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { entriesOf, key, openTest, removeFolder, temporaryFolder } from "./testing/fixtures.ts";
import { startChild } from "./testing/run-child.ts";

let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
});

afterEach(() => removeFolder(folder));

/** The highest number said under a name. */
function highest(said: readonly Record<string, unknown>[], name: string): number {
  return Math.max(0, ...said.filter((line) => name in line).map((line) => Number(line[name])));
}

describe("SIGKILL while writing", () => {
  it("loses nothing that was acknowledged, at any moment (B4, B6, B8, B15)", {
    timeout: 60_000,
  }, async () => {
    const deadline = performance.now() + 8_000;
    let acknowledged = 0;
    let applied = 0;
    let kills = 0;
    for (; kills < 40 && performance.now() < deadline; kills++) {
      const child = startChild({ do: "write", path: folder });
      const goal = acknowledged + ((kills * 37) % 200);
      await child.saidThat((line) => Number(line.last) > goal);
      child.process.kill("SIGKILL");
      const { said, signal } = await child.ended;
      expect(said.filter((line) => line.error ?? line.failed ?? line.fatal)).toEqual([]);
      expect(signal).toBe("SIGKILL");
      acknowledged = Math.max(acknowledged, highest(said, "last"));
      applied = Math.max(applied, highest(said, "applied"));
      await verify(acknowledged, applied, kills + 1);
    }
    expect(kills).toBeGreaterThan(5);
  });

  async function verify(acknowledged: number, applied: number, starts: number): Promise<void> {
    const directory = await openTest(folder);
    const { log, store, start, identity } = directory;
    expect(start).toEqual({ kind: "ready" });
    expect(identity.incarnation).toBe(BigInt(2 * starts));
    expect(Number(log.lastIndex())).toBeGreaterThanOrEqual(acknowledged);
    const state = log.initialState();
    const appliedIndex = Number(state.appliedIndex);
    expect(appliedIndex).toBeGreaterThanOrEqual(applied);
    expect(Number(state.hardState.commit)).toBeGreaterThanOrEqual(appliedIndex);
    for (let i = Number(log.firstIndex()); i <= Number(log.lastIndex()); i++) {
      const [found] = log.entries(BigInt(i), BigInt(i + 1), 1);
      const [expected] = entriesOf(i, i, 1, found!.data.byteLength);
      expect(Buffer.compare(found!.data, expected!.data)).toBe(0);
    }
    // The applied index counts exactly the changes that are there.
    const keys = [...store.scan("cur", { start: new Uint8Array(), end: undefined })].map(([k]) => String(k));
    expect(keys).toHaveLength(appliedIndex);
    expect(keys.at(-1)).toBe(appliedIndex === 0 ? undefined : key(appliedIndex));
    await directory.close();
  }
});
