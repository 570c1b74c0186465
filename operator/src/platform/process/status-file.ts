import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { group, kind, version } from "../../api/v1alpha1/custom-resource-definition.ts";
import type { EffectiveSpec } from "../../api/v1alpha1/effective-spec.ts";
import { specSchema } from "../../api/v1alpha1/spec-schema.ts";
import { statusSchema } from "../../api/v1alpha1/status-schema.ts";
import type { ReplicatedStoreStatus } from "../../api/v1alpha1/types.ts";
import { readFileIfThere, writeFileDurably } from "./durable-file.ts";
import { LocalError } from "./local-error.ts";

export const apiVersion = `${group}/${version}`;

const schema = z.object({
  apiVersion: z.literal(apiVersion),
  kind: z.literal(kind),
  metadata: z.object({ name: z.string(), uid: z.string(), generation: z.number().int() }),
  spec: specSchema,
  status: statusSchema,
});

/** The resource as an API server would show it: the last spec that was valid, and what was made of it. */
export interface StoredResource {
  readonly apiVersion: typeof apiVersion;
  readonly kind: typeof kind;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    /** Raised by each change of spec. */
    readonly generation: number;
  };
  readonly spec: EffectiveSpec;
  readonly status: ReplicatedStoreStatus;
}

export function statusFilePath(folder: string): string {
  return join(folder, "status.json");
}

/** A new generation, if the spec is another one. */
export function withSpec(before: StoredResource | undefined, spec: EffectiveSpec): StoredResource {
  if (before === undefined) {
    return {
      apiVersion,
      kind,
      metadata: { name: "local", uid: randomUUID(), generation: 1 },
      spec,
      status: {},
    };
  }
  if (isDeepStrictEqual(before.spec, spec)) return before;
  const { metadata } = before;
  return { ...before, metadata: { ...metadata, generation: metadata.generation + 1 }, spec };
}

/** undefined when there is none yet. */
export function readStatusFile(folder: string): StoredResource | undefined {
  const path = statusFilePath(folder);
  const text = readFileIfThere(path);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text)) as StoredResource;
  } catch (cause) {
    const message = `${path} can't be read: restore it, or delete it, and the members are taken over from their disks`;
    throw new LocalError(message, { cause });
  }
}

export function writeStatusFile(folder: string, resource: StoredResource): void {
  writeFileDurably(statusFilePath(folder), `${JSON.stringify(resource, null, 2)}\n`);
}
