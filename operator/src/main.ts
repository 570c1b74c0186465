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
    log.error({ msgId: "operator.ends" }, why);
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
    log.info({ msgId: "operator.stopping" }, `${signal}: ends what is under way`);
    setTimeout(() => end(1, "it did not stop in time"), stopDeadlineMs).unref();
    operator.stop().then(
      () => process.exit(0),
      (error: Error) => end(1, error.message),
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => stop(signal));
  log.info(
    { msgId: "operator.starts", version, namespaces: settings.namespaces },
    `rstore-operator ${version}`,
  );
  await operator.start();
}

await main();
