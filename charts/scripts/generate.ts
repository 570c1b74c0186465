/**
 * Writes the chart's dashboards and rules from their source. With --check it writes nothing, and ends with 1 when
 * a file is not as it should be.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { buildDashboard } from "../monitoring/dashboards/build-dashboard.ts";
import { dashboards } from "../monitoring/dashboards/dashboards.ts";
import { rulesFile } from "../monitoring/render/rules.ts";
import { realTiming } from "../monitoring/timing.ts";

const chart = new URL("../rstore/", import.meta.url);
const note = "# Made by npm run generate from charts/monitoring.\n";

const files: Readonly<Record<string, string>> = {
  "rules/rstore.yaml": note + rulesFile(realTiming),
  ...Object.fromEntries(
    dashboards.map((spec) => [
      `dashboards/${spec.name}.json`,
      `${JSON.stringify(buildDashboard(spec), null, 2)}\n`,
    ]),
  ),
};

const check = process.argv.includes("--check");
for (const [name, content] of Object.entries(files)) {
  const path = fileURLToPath(new URL(name, chart));
  if (read(path) === content) continue;
  if (check) {
    console.error(`charts/rstore/${name} is not what its source says: run npm run generate`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    console.log(`wrote charts/rstore/${name}`);
  }
}
for (const name of leftOver()) {
  if (check) {
    console.error(`charts/rstore/${name} has no source any more: run npm run generate`);
    process.exitCode = 1;
  } else {
    rmSync(fileURLToPath(new URL(name, chart)));
    console.log(`removed charts/rstore/${name}`);
  }
}

function leftOver(): string[] {
  return ["rules", "dashboards"]
    .flatMap((folder) => list(folder).map((name) => `${folder}/${name}`))
    .filter((name) => files[name] === undefined);
}

function list(folder: string): string[] {
  try {
    return readdirSync(new URL(`${folder}/`, chart));
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
