import { resolve } from "node:path";
import { readKeeperFile } from "@rstore/operator/platform/process/keeper-file";
import { LocalError } from "@rstore/operator/platform/process/local-error";
import { type Ports, slotAddress, slotAddresses } from "@rstore/operator/platform/process/slot-address";
import { readStatusFile, type StoredResource } from "@rstore/operator/platform/process/status-file";
import { readStoreFile, storeFilePath } from "@rstore/operator/platform/process/store-file";
import type { CliIo } from "../context.ts";
import { table } from "../output.ts";
import { isUnlocked } from "./run-file.ts";

export interface LocalStatus {
  readonly running: boolean;
  readonly endpoints: readonly string[];
  readonly folder: string;
  /** Wanted. */
  readonly replicas: number;
  readonly generation: number;
  readonly readyReplicas: number;
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly role: string;
    readonly health: string;
    readonly since: string;
    readonly clientUrl: string | null;
  }[];
  /** None while it does not run: nobody looks. */
  readonly conditions: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
    readonly lastTransitionTime: string;
  }[];
  /** Why store.yaml is not followed. */
  readonly refused: readonly string[];
}

/** What is known of the store in a folder, and whether it runs. */
export function describeLocal(data: string, io: CliIo): LocalStatus {
  const folder = resolve(io.cwd, data);
  const keeper = readKeeperFile(folder);
  const resource = readStatusFile(folder);
  if (keeper === undefined || resource === undefined) {
    throw new LocalError(`there is no local cluster in ${folder}: start one with "rstore local up"`);
  }
  const running = !isUnlocked(folder);
  const { metadata, spec, status } = resource;
  const file = readStoreFile(folder);
  const problems = file.kind === "refused" ? file.problems : file.kind === "absent" ? ["it is gone"] : [];
  const count = Math.max(keeper.kept, spec.replicas);
  return {
    running,
    endpoints: slotAddresses(count, keeper, folder).map(({ clientUrl }) => clientUrl),
    folder,
    replicas: spec.replicas,
    generation: metadata.generation,
    readyReplicas: running ? (status.readyReplicas ?? 0) : 0,
    members: membersFrom(resource, keeper, folder, running),
    conditions: running ? (status.conditions ?? []) : [],
    refused: problems,
  };
}

function membersFrom({ status }: StoredResource, ports: Ports, folder: string, running: boolean) {
  const bySlot = (status.members ?? []).toSorted((a, b) => (a.slot ?? 9) - (b.slot ?? 9));
  return bySlot.map(({ id, name, role, health, since, slot }) => ({
    id,
    name,
    role: running ? role : role === "Leader" ? "Follower" : role,
    health: running ? health : "Unknown",
    since,
    clientUrl: slot === undefined ? null : slotAddress(slot, ports, folder).clientUrl,
  }));
}

export function localStatusText(described: LocalStatus): string {
  const { running, replicas, readyReplicas, members, conditions, refused, folder } = described;
  const parts = [
    running
      ? `running: ${readyReplicas} of ${replicas} replicas ready, data in ${folder}`
      : `not running: ${replicas} replicas wanted, data in ${folder}`,
  ];
  if (members.length > 0) {
    parts.push(
      table(
        ["name", "id", "role", "health", "since", "client url"],
        members.map(({ name, id, role, health, since, clientUrl }) => [
          name,
          id,
          role,
          health,
          since,
          clientUrl ?? "",
        ]),
      ),
    );
  }
  if (conditions.length > 0) {
    parts.push(
      table(
        ["condition", "status", "reason", "message"],
        conditions.map(({ type, status, reason, message }) => [type, status, reason, message]),
      ),
    );
  }
  if (refused.length > 0) {
    parts.push(`${storeFilePath(folder)} is refused: ${refused.join("; ")}`);
  }
  return parts.join("\n\n");
}
