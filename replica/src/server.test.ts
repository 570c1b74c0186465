import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLogger } from "./log.ts";
import { loadConfig } from "./runtime/config.ts";
import { startReplica } from "./server.ts";

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "rstore-server-"));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("while the disk is recovered the replica is alive, and says why it is not ready (C4)", async () => {
  const [client, peer, metrics] = [await freePort(), await freePort(), await freePort()];
  const config = loadConfig(
    {
      dataDir: path,
      clientListen: `127.0.0.1:${client}`,
      peerListen: `127.0.0.1:${peer}`,
      metricsListen: `127.0.0.1:${metrics}`,
      reserveBytes: 0,
    },
    {},
  );
  // A disk that does not answer: what is read at the start is a pipe that nobody writes to yet.
  const mark = join(path, "resetting");
  execFileSync("mkfifo", [mark]);
  const log = createLogger({ level: "silent", format: "json", name: "" });
  const starting = startReplica(config, log, () => {});
  const probe = (page: string) => fetch(`http://127.0.0.1:${metrics}/${page}`);
  try {
    await expect
      .poll(() =>
        probe("livez").then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
    const ready = await probe("readyz");
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ ready: false, reasons: ["opening its data directory"] });
    expect((await probe("metrics")).status).toBe(200);
  } finally {
    await writeFile(mark, "");
  }
  const replica = await starting;
  const blank = await (await probe("readyz")).json();
  expect(blank).toEqual({ ready: false, reasons: ["not initialised: belongs to no cluster"] });
  await replica.stop();
});
