import { Command, InvalidArgumentError, Option } from "commander";
import { logLevels } from "./log.ts";
import { version } from "./version.ts";

export interface Settings {
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  readonly replicaRepository: string;
  readonly replicaVersion: string;
  readonly leaderElect: boolean;
  readonly leaseName: string;
  readonly leaseSeconds: number;
  readonly podNamespace: string;
  readonly podName: string;
  readonly instance: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly workers: number;
  readonly logLevel: (typeof logLevels)[number];
}

const podNamespaceVariable = "RSTORE_POD_NAMESPACE";

/** The flags of the operator, with their variables and defaults. */
export function createCommand(): Command {
  return new Command("rstore-operator")
    .description("Keeps the ReplicatedStores of a Kubernetes cluster at their wanted state.")
    .version(version)
    .addOption(
      new Option("--namespaces <names>", "watch only these, separated by commas; all of them by default")
        .env("RSTORE_NAMESPACES")
        .default(""),
    )
    .addOption(
      new Option("--replica-repository <image>", "image of the replicas, without a tag")
        .env("RSTORE_REPLICA_REPOSITORY")
        .default("rstore-replica"),
    )
    .addOption(
      new Option("--replica-version <version>", "for stores that name neither version nor image")
        .env("RSTORE_REPLICA_VERSION")
        .default(version),
    )
    .addOption(
      new Option("--no-leader-elect", "act without a Lease: only where there is one operator for sure"),
    )
    .addOption(
      new Option("--lease-name <name>", "Lease in the operator's namespace")
        .env("RSTORE_LEASE_NAME")
        .default("rstore-operator"),
    )
    .addOption(
      new Option("--lease-seconds <n>", "another operator takes over after so long")
        .env("RSTORE_LEASE_SECONDS")
        .default(15)
        .argParser((text) => whole(text, 3, 3600)),
    )
    .addOption(new Option("--pod-namespace <name>").env(podNamespaceVariable).default("default"))
    .addOption(new Option("--pod-name <name>").env("RSTORE_POD_NAME").default("rstore-operator"))
    .addOption(
      new Option("--instance <name>", "app.kubernetes.io/instance of the operator's pods")
        .env("RSTORE_INSTANCE")
        .default("rstore"),
    )
    .addOption(
      new Option("--listen <host:port>", "where metrics and probes are served")
        .env("RSTORE_LISTEN")
        .default({ host: "0.0.0.0", port: 8080 }, "0.0.0.0:8080")
        .argParser(address),
    )
    .addOption(
      new Option("--workers <n>", "stores that are looked at at the same time")
        .env("RSTORE_WORKERS")
        .default(4)
        .argParser((text) => whole(text, 1, 64)),
    )
    .addOption(
      new Option("--log-level <level>")
        .env("RSTORE_LOG_LEVEL")
        .choices([...logLevels])
        .default("info"),
    );
}

/** Ends the process with 64 and a message on a wrong flag. */
export function settingsFrom(argv: readonly string[]): Settings {
  const command = createCommand().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 64));
  const { namespaces, ...settings } = command.parse([...argv]).opts<Settings & { namespaces: string }>();
  return {
    ...settings,
    namespaces: namespaces
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  };
}

function whole(text: string, least: number, most: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new InvalidArgumentError(`give a whole number from ${least} to ${most}`);
}

function address(text: string): { host: string; port: number } {
  const match = /^(.*):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[2]) > 65_535) throw new InvalidArgumentError("give host:port");
  return { host: match[1]!.replace(/^\[|\]$/g, ""), port: Number(match[2]) };
}
