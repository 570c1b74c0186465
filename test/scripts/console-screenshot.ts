/**
 * Makes docs/images/console.png: the console of a real cluster under a changing load, whose leader was killed once
 * and came back.
 *
 *   node test/scripts/console-screenshot.ts [--minutes 4] [--out FILE] [--dark] [--width 1200]
 */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Cluster } from "../cluster/cluster.ts";
import { launchBrowser } from "../console/browser.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "4" },
    out: {
      type: "string",
      default: fileURLToPath(new URL("../../docs/images/console.png", import.meta.url)),
    },
    dark: { type: "boolean", default: false },
    width: { type: "string", default: "1200" },
  },
});
const lengthMs = Number(values.minutes) * 60_000;

/** Reads and writes in waves of about a minute. */
async function load(cluster: Cluster, signal: AbortSignal): Promise<void> {
  const client = cluster.client();
  for (let round = 0; !signal.aborted; round++) {
    const atOnce = Math.round(4 + 3 * Math.sin(performance.now() / 9_000));
    const calls = Array.from({ length: atOnce }, (_, at) =>
      (round + at) % 3 === 0 ? client.put(`key-${(round * 7 + at) % 500}`, "value") : client.get(`key-${at}`),
    );
    await Promise.allSettled(calls);
    await sleep(40);
  }
}

const cluster = await Cluster.boot(3);
const browser = await launchBrowser();
const ended = new AbortController();
const running = load(cluster, ended.signal);
try {
  await sleep(lengthMs * 0.15);
  const victim = await cluster.leader();
  await victim.kill();
  await sleep(4_000);
  await victim.start();
  const page = await browser.newPage({
    colorScheme: values.dark ? "dark" : "light",
    viewport: { width: Number(values.width), height: 800 },
  });
  await page.goto(`${(await cluster.leader()).metricsUrl}/console`);
  await sleep(lengthMs * 0.85);
  mkdirSync(dirname(values.out), { recursive: true });
  await page.screenshot({ path: values.out, fullPage: true });
  console.log(`${values.out}: ${Math.round(statSync(values.out).size / 1024)} KiB`);
} finally {
  ended.abort();
  await running;
  await browser.close();
  await cluster.dispose();
}
