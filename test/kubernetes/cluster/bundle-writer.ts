import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The program of the writer's pod as one file of JavaScript; small enough for a ConfigMap. */
export async function bundleWriter(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("./writer/main.ts", import.meta.url))],
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node22",
    write: false,
    // CommonJS dependencies call require() for Node's own modules.
    banner: {
      js: 'import { createRequire as __cr } from "node:module"; const require = __cr(import.meta.url);',
    },
  });
  return outputFiles[0]!.text;
}
