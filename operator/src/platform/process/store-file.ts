import { join } from "node:path";
import { parseDocument } from "yaml";
import { kind } from "../../api/v1alpha1/custom-resource-definition.ts";
import type { EffectiveSpec } from "../../api/v1alpha1/effective-spec.ts";
import { checkSpec } from "./check-spec.ts";
import { readFileIfThere, writeFileDurably } from "./durable-file.ts";
import { LocalError } from "./local-error.ts";
import { apiVersion } from "./status-file.ts";

/** What a person wrote. `refused`: why not, with the field; each problem is a line. */
export type StoreFile =
  | { readonly kind: "absent" }
  | { readonly kind: "refused"; readonly problems: readonly string[] }
  | {
      readonly kind: "valid";
      readonly spec: EffectiveSpec;
      /** Fields that were given and mean nothing on one machine. */
      readonly unused: readonly string[];
    };

export function storeFilePath(folder: string): string {
  return join(folder, "store.yaml");
}

export function readStoreFile(folder: string): StoreFile {
  const text = readFileIfThere(storeFilePath(folder));
  return text === undefined ? { kind: "absent" } : parseStoreFile(text);
}

export function parseStoreFile(text: string): StoreFile {
  const document = parseDocument(text);
  if (document.errors.length > 0) {
    return refused(document.errors.map(({ message }) => message.split("\n")[0]!.replace(/:$/, "")));
  }
  const resource: unknown = document.toJS();
  if (!isMap(resource)) return refused([`it must hold a ${kind}: restore it from status.json`]);
  const problems = [
    ...(resource.apiVersion === apiVersion ? [] : [`apiVersion: must be ${apiVersion}`]),
    ...(resource.kind === kind ? [] : [`kind: must be ${kind}`]),
    ...(isMap(resource.spec) ? [] : ["spec: must be a map of fields"]),
    ...Object.keys(resource)
      .filter((key) => !["apiVersion", "kind", "metadata", "spec"].includes(key))
      .map((key) => `${key}: there is no such field here`),
  ];
  if (problems.length > 0) return refused(problems);
  return checkSpec(resource.spec as Record<string, unknown>);
}

function refused(problems: readonly string[]): StoreFile {
  return { kind: "refused", problems };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function writeNewStoreFile(folder: string, spec: Pick<EffectiveSpec, "replicas">): void {
  writeFileDurably(storeFilePath(folder), newText(spec.replicas));
}

/** Changes that one number and keeps the rest, comments included. */
export function writeReplicas(folder: string, replicas: number): void {
  const path = storeFilePath(folder);
  const text = readFileIfThere(path);
  if (text === undefined) {
    writeNewStoreFile(folder, { replicas });
    return;
  }
  const before = parseStoreFile(text);
  if (before.kind === "refused") {
    throw new LocalError(`${path} has to be put right first: ${before.problems.join("; ")}`);
  }
  const document = parseDocument(text);
  document.setIn(["spec", "replicas"], replicas);
  const after = document.toString({ lineWidth: 0 });
  if (after !== text) writeFileDurably(path, after);
}

function newText(replicas: number): string {
  return `# The store that "rstore local up" keeps running from this folder. Save a change, and it is made while the
# store serves on; a mistake is refused, and what was asked for before goes on. What is seen and done is in
# status.json beside this file, and shown by "rstore local status".
#
# All fields: docs/reference/replicatedstore.md. Those about pods, images and nodes mean nothing here. A
# Kubernetes cluster with the rstore operator takes this file as it is: kubectl apply -f store.yaml
apiVersion: ${apiVersion}
kind: ${kind}
metadata:
  name: local
spec:
  # Voters, 1 to 9; "rstore local scale 5" writes it here. Three survive the loss of one, five of two.
  replicas: ${replicas}
  # storage:
  #   # Delete: the data directories of members that a smaller number took away are deleted.
  #   whenScaled: Retain
  # raft:
  #   electionTimeoutSeconds: 1
  # True: what runs is kept running, and nothing else is done.
  # paused: false
`;
}
