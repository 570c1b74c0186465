#!/usr/bin/env node
// Starts the replica: from compiled JavaScript where it is published, from the TypeScript sources in
// the repository. This file itself must run on Node 20.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const source = new URL("../src/main.ts", import.meta.url);
const compiled = new URL("../dist/main.js", import.meta.url);

// Commits of the log, commits of the store and a snapshot's copy can each hold a thread.
process.env.UV_THREADPOOL_SIZE ??= "8";

if (!existsSync(source)) await import(compiled.href);
else if (process.features.typescript) await import(source.href);
else runOnBundledNode();

/** Runs this same file on the Node of the npm package `node`, passing signals and the exit code on. */
function runOnBundledNode() {
  let node;
  try {
    const require = createRequire(import.meta.url);
    node = join(dirname(require.resolve("node/package.json")), "bin", "node");
  } catch {
    console.error(
      `rstore-replica: Node ${process.versions.node} can't run TypeScript: use Node 24, or run "npm ci"`,
    );
    process.exit(1);
  }
  const script = fileURLToPath(import.meta.url);
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => {
    console.error(`rstore-replica: can't run ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
