import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

it("the image exposes the port that is served by default", () => {
  const [dockerfile, settings] = ["../Dockerfile", "settings.ts"].map((name) =>
    readFileSync(join(import.meta.dirname, name), "utf8"),
  );
  const exposed = /^EXPOSE (.*)$/m.exec(dockerfile!)?.[1];
  expect(settings).toContain(`"0.0.0.0:${exposed}"`);
});
