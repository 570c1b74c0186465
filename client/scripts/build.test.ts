import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const exec = promisify(execFile);
const require = createRequire(import.meta.url);

/** As somebody else's project has it: in node_modules, where Node strips no types. */
describe("the built package", { timeout: 60_000 }, () => {
  let project: string;

  const node = (...args: readonly string[]) => exec(process.execPath, [...args], { cwd: project });
  const compile = async (name: string, text: string): Promise<string> => {
    writeFileSync(join(project, name), text);
    const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--types", "node"];
    return node(tsc, ...options, name).then(
      () => "",
      ({ stdout }: { stdout: string }) => stdout,
    );
  };

  beforeAll(async () => {
    project = mkdtempSync(join(tmpdir(), "rstore-built-"));
    const built = join(project, "node_modules/@rstore/client");
    await exec(process.execPath, [join(import.meta.dirname, "build.ts"), "--out", built, "client"]);
    const types = dirname(require.resolve("@types/node/package.json"));
    symlinkSync(dirname(types), join(project, "node_modules/@types"));
    writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  }, 60_000);
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it("is imported by plain Node, and calls", async () => {
    writeFileSync(
      join(project, "app.js"),
      `import { Client, RstoreError } from "@rstore/client";
       const client = new Client({ endpoints: ["http://127.0.0.1:1"], timeoutMs: 200 });
       const error = await client.get("a").catch((error) => error);
       console.log(error instanceof RstoreError, error.reason, error.outcome);
       client.close();`,
    );
    const { stdout } = await node("--no-experimental-strip-types", "app.js");
    expect(stdout.trim()).toBe("true unavailable not-applied");
  });

  it("traces by the application's own OpenTelemetry, and does not need it otherwise", async () => {
    const missing = await node("-e", 'import("@rstore/client/tracing")').catch(({ stderr }) =>
      String(stderr),
    );
    expect(missing).toContain("@opentelemetry/api");
    const api = dirname(dirname(require.resolve("@opentelemetry/api")));
    symlinkSync(dirname(api), join(project, "node_modules/@opentelemetry"));
    const text = `
      import { Client } from "@rstore/client";
      import { openTelemetryTracing } from "@rstore/client/tracing";
      new Client({ endpoints: ["http://127.0.0.1:1"], tracing: openTelemetryTracing() }).close();`;
    writeFileSync(join(project, "traced.js"), text);
    await node("--no-experimental-strip-types", "traced.js");
    expect(await compile("traced.ts", text)).toBe("");
  });

  it("has types: what they allow compiles, and what they don't is refused", async () => {
    const use = (call: string): string =>
      `import { Client, type GetResult } from "@rstore/client";
       const client = new Client({ endpoints: ["http://127.0.0.1:1"] });
       export const result: Promise<GetResult> = ${call};`;
    expect(await compile("right.ts", use('client.get("a", { minRevision: 1n })'))).toBe("");
    expect(await compile("wrong.ts", use('client.get("a", { minRevision: "1" })'))).toContain("TS2322");
  });
});
