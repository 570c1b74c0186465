import { loadAssets } from "@rstore/replica/console/assets";
import type { Plugin } from "esbuild";

/** Puts the files of the replica's console into the program, as they are served from the sources. */
export function consoleInside(): Plugin {
  return {
    name: "console-inside",
    setup(build) {
      build.onLoad({ filter: /[\\/]replica[\\/]src[\\/]console[\\/]assets\.ts$/ }, () => {
        const assets = loadAssets().map(({ body, ...asset }) => ({ ...asset, text: body.toString("utf8") }));
        const contents = `const assets = ${JSON.stringify(assets)};
export const loadAssets = () => assets.map(({ text, ...asset }) => ({ ...asset, body: Buffer.from(text) }));`;
        return { contents, loader: "js" };
      });
    },
  };
}
