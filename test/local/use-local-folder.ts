import { afterEach, beforeEach } from "vitest";
import { LocalFolder } from "./local-folder.ts";

/** A new folder for each test; everything that was started in it is over afterwards. */
export function useLocalFolder(): () => LocalFolder {
  let folder: LocalFolder | undefined;
  beforeEach(async () => {
    folder = await LocalFolder.make();
  });
  afterEach(async () => {
    await folder?.close();
    folder = undefined;
  });
  return () => folder!;
}
