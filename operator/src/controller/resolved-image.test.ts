import { expect, it } from "vitest";
import { resolvedImage } from "./resolved-image.ts";

const old = { repository: "registry.example/rstore-replica", defaultVersion: "1.0.0" };
const next = { repository: "elsewhere.example/replica", defaultVersion: "1.1.0" };

it("another operator resolves nothing anew: no pod is restarted (E15)", () => {
  for (const spec of [{}, { version: "0.9.0" }, { image: "mine:1" }]) {
    const image = resolvedImage(spec, undefined, old);
    expect(resolvedImage(spec, image, next)).toBe(image);
  }
});

it("an edit of what is asked for resolves it with what the operator knows now", () => {
  const image = resolvedImage({}, undefined, old);
  expect(image).toEqual({ requested: "", resolved: "registry.example/rstore-replica:1.0.0" });
  expect(resolvedImage({ version: "1.0.0" }, image, next)).toEqual({
    requested: "version 1.0.0",
    resolved: "elsewhere.example/replica:1.0.0",
  });
  expect(resolvedImage({ image: "mine:1" }, image, next).resolved).toBe("mine:1");
});

it("an image that is called like a version is not taken for it", () => {
  const image = resolvedImage({ version: "1.0.0" }, undefined, old);
  expect(resolvedImage({ image: "1.0.0" }, image, old).resolved).toBe("1.0.0");
});
