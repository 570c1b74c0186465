import { fileURLToPath } from "node:url";
import { type UpOptions, up } from "../local/up.ts";

/** `rstore local up` over fake replicas, in a process of its own; its options are JSON. */
const options = JSON.parse(process.argv[2] ?? "{}") as UpOptions;
try {
  await up(
    { launcher: fileURLToPath(new URL("./fake-replica-process.ts", import.meta.url)), ...options },
    {
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
      cwd: process.cwd(),
    },
  );
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
