import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Stands in for consensus between fake replica processes: a file beside their data directories. */
export interface FakeConfiguration {
  readonly clusterId: string;
  readonly index: number;
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly peerUrl: string;
    readonly clientUrl: string;
    readonly kind: number;
  }[];
}

export function readConfiguration(dataDir: string): FakeConfiguration | undefined {
  const path = configurationPath(dataDir);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as FakeConfiguration) : undefined;
}

export function writeConfiguration(dataDir: string, configuration: FakeConfiguration): void {
  const path = configurationPath(dataDir);
  writeFileSync(`${path}.${process.pid}`, JSON.stringify(configuration));
  renameSync(`${path}.${process.pid}`, path);
}

function configurationPath(dataDir: string): string {
  return join(dirname(dataDir), "fake-configuration.json");
}

/** The member id on a fake disk; drawn when it is blank. */
export function diskId(dataDir: string): bigint {
  const path = join(dataDir, "identity");
  if (!existsSync(path)) {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(path, (BigInt(process.pid) * 1_000n + BigInt(Date.now() % 1_000)).toString());
  }
  return BigInt(readFileSync(path, "utf8"));
}
