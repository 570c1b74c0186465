import { loadAssets } from "@rstore/replica/console/assets";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { consoleInside } from "./console-inside.ts";

it("a bundle holds the console's files and serves them as the sources do", async () => {
  const { outputFiles } = await build({
    stdin: { contents: 'export * from "@rstore/replica/console/assets";', resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    plugins: [consoleInside()],
  });
  const { text } = outputFiles[0]!;
  expect(text).not.toContain("node:fs");
  const bundled = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as {
    loadAssets: typeof loadAssets;
  };
  expect(bundled.loadAssets()).toEqual(loadAssets());
});
