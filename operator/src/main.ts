import { Operator } from "./controller/operator.ts";
import { kubeConfigFromEnvironment } from "./kube/kube-config.ts";
import { createLogger } from "./log.ts";
import { settingsFrom } from "./settings.ts";
import { version } from "./version.ts";

/** After this long a stop that hangs is cut short; its lease then runs out by itself. */
const stopDeadlineMs = 20_000;

async function main(): Promise<void> {
  const settings = settingsFrom(process.argv);
  const log = createLogger(settings.logLevel);
  const config = kubeConfigFromEnvironment();
  const end = (code: number, why: string) => {
    log.record("operator.ends", { exitCode: code, why });
    process.exit(code);
  };
  const operator = new Operator({
    config,
    settings,
    log,
    lost: (why) => end(1, `leadership is lost: ${why}`),
  });
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.record("operator.stopping", { signal });
    setTimeout(() => end(1, "it did not stop in time"), stopDeadlineMs).unref();
    operator.stop().then(
      () => process.exit(0),
      (error: Error) => end(1, error.message),
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stop(signal));
  log.record("operator.starts", { version, namespaces: settings.namespaces.join(" ") });
  await operator.start();
}

await main();
