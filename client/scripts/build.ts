/**
 * Compiles what is published or put into a container: one JavaScript file for each program, with everything
 * in it but the native module, which lies beside it. The repository itself runs the TypeScript sources.
 * client/dist is a package of its own: `npm install ./client/dist` or `npm pack ./client/dist`.
 *
 *   node client/scripts/build.ts [--out FOLDER] [client] [operator] [replica]
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type BuildOptions, build } from "esbuild";
import { consoleInside } from "./console-inside.ts";
import { lmdbBeside } from "./lmdb-beside.ts";
import { writePackage } from "./write-package.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node22",
  sourcemap: true,
  logLevel: "info",
  // CommonJS dependencies call require() for Node's own modules.
  banner: {
    js: 'import { createRequire as __cr } from "node:module"; const require = __cr(import.meta.url);',
  },
};

interface Target {
  readonly options: BuildOptions;
  readonly after?: (folder: string) => void;
}

const { values, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string" } },
});

function folderOf(name: string): string {
  return values.out ?? join(root, name, "dist");
}

const targets: Readonly<Record<string, Target>> = {
  client: {
    options: {
      entryPoints: {
        main: "client/src/cli/main.ts",
        index: "client/src/index.ts",
        tracing: "client/src/tracing/open-telemetry.ts",
      },
      splitting: true,
      external: ["@rstore/replica", "@opentelemetry/api"],
    },
    after: writePackage,
  },
  replica: {
    options: {
      entryPoints: { main: "replica/src/main.ts" },
      // What is imported only when it is asked for is a file of its own, which costs nothing until then.
      splitting: true,
      plugins: [lmdbBeside(folderOf("replica")), consoleInside()],
    },
  },
  operator: { options: { entryPoints: { main: "operator/src/main.ts" } } },
};

for (const name of asked.length > 0 ? asked : Object.keys(targets)) {
  const target = targets[name];
  if (target === undefined)
    throw new Error(`no package ${name}: there are ${Object.keys(targets).join(", ")}`);
  const outdir = folderOf(name);
  // Chunks of an earlier build have other names, and would be published with it.
  if (values.out === undefined) rmSync(outdir, { recursive: true, force: true });
  await build({ ...shared, ...target.options, outdir });
  target.after?.(outdir);
}
