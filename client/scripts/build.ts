/**
 * Compiles what is published or put into a container: one JavaScript file for each program, with everything
 * in it but the native module, which lies beside it. The repository itself runs the TypeScript sources.
 *
 *   node client/scripts/build.ts [client] [operator] [replica]
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { lmdbBeside } from "./lmdb-beside.ts";

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

const packages: Readonly<Record<string, BuildOptions>> = {
  client: {
    entryPoints: { main: "client/src/cli/main.ts", index: "client/src/index.ts" },
    outdir: "client/dist",
    splitting: true,
    external: ["@rstore/replica"],
  },
  replica: {
    entryPoints: { main: "replica/src/main.ts" },
    outdir: "replica/dist",
    plugins: [lmdbBeside(join(root, "replica/dist"))],
  },
  operator: {
    entryPoints: { main: "operator/src/main.ts" },
    outdir: "operator/dist",
  },
};

const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(packages)) {
  const options = packages[name];
  if (options === undefined)
    throw new Error(`no package ${name}: there are ${Object.keys(packages).join(", ")}`);
  await build({ ...shared, ...options });
}
