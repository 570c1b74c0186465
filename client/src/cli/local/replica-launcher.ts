import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The launcher of @rstore/replica, wherever it is installed. */
export function replicaLauncher(): string {
  let folder = dirname(fileURLToPath(import.meta.resolve("@rstore/replica")));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return join(folder, "bin", "rstore-replica.js");
}
