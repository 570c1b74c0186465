import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const packageRoot = join(import.meta.dirname, "..");

/** Types and a package.json for the bundle in the folder, so that any Node and any TypeScript can import it. */
export function writePackage(folder: string): void {
  const compiler = join(
    dirname(createRequire(import.meta.url).resolve("typescript/package.json")),
    "bin/tsc",
  );
  const project = join(packageRoot, "tsconfig.types.json");
  execFileSync(process.execPath, [compiler, "--project", project, "--outDir", join(folder, "types")], {
    stdio: "inherit",
  });
  const { name, version, description, license, type, engines } = JSON.parse(
    readFileSync(join(packageRoot, "package.json"), "utf8"),
  ) as Record<string, unknown>;
  const api = "@opentelemetry/api";
  const manifest = {
    ...{ name, version, description, license, type, engines },
    exports: {
      ".": { types: "./types/index.d.ts", default: "./index.js" },
      "./tracing": { types: "./types/tracing/open-telemetry.d.ts", default: "./tracing.js" },
    },
    // The application's own: what is registered with a copy of another version may not be seen.
    peerDependencies: { [api]: "^1.9.0" },
    peerDependenciesMeta: { [api]: { optional: true } },
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
