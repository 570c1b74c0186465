import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Plugin } from "esbuild";

/**
 * lmdb looks for its native module in node_modules when it is loaded; a bundle has it as `lmdb.node` beside the
 * program. It is the one of the machine that builds (glibc), built for Node-API and so for any Node.
 */
export function lmdbBeside(folder: string): Plugin {
  return {
    name: "lmdb-beside",
    setup(build) {
      build.onResolve({ filter: /^node-gyp-build-optional-packages$/ }, () => ({
        path: "lmdb.node",
        namespace: "lmdb-beside",
      }));
      build.onLoad({ filter: /.*/, namespace: "lmdb-beside" }, () => ({
        contents:
          'import { createRequire } from "node:module";' +
          'export default () => createRequire(import.meta.url)("./lmdb.node");',
      }));
      build.onEnd(() => {
        const require = createRequire(import.meta.url);
        const prebuilt = `@lmdb/lmdb-${process.platform}-${process.arch}`;
        const fromLmdb = createRequire(require.resolve("lmdb"));
        const native = join(dirname(fromLmdb.resolve(`${prebuilt}/package.json`)), "node.napi.glibc.node");
        copyFileSync(native, join(folder, "lmdb.node"));
      });
    },
  };
}
