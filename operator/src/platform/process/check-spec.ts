import type { z } from "zod";
import { bytesOf } from "../../api/v1alpha1/quantity.ts";
import type { QuantityRange } from "../../api/v1alpha1/schema-parts.ts";
import { quantityRanges, specSchema } from "../../api/v1alpha1/spec-schema.ts";
import type { StoreFile } from "./store-file.ts";

type Issue = z.core.$ZodIssue;

/** Top-level fields of spec, and fields in them, that mean nothing to processes of one machine. */
const unusedFields = [
  "version",
  "image",
  "imagePullPolicy",
  "imagePullSecrets",
  "storage.storageClassName",
  "storage.whenDeleted",
  "resources",
  "scheduling",
  "pod",
  "service",
  "networkPolicy",
  "drains",
] as const;

/** What an API server does before it lets a spec in: unknown fields, types and bounds, and how fields relate. */
export function checkSpec(given: Readonly<Record<string, unknown>>): StoreFile {
  const parsed = specSchema.safeParse(given);
  if (!parsed.success) {
    return { kind: "refused", problems: parsed.error.issues.map((issue) => describe(issue, given)) };
  }
  const spec = parsed.data;
  const problems = [...unknownFields(given, spec, "spec"), ...quantityProblems(given)];
  const { electionTimeoutSeconds, heartbeatIntervalSeconds } = spec.raft;
  if (electionTimeoutSeconds < 5 * heartbeatIntervalSeconds) {
    problems.push(
      `spec.raft.electionTimeoutSeconds: ${electionTimeoutSeconds} is less than five times heartbeatIntervalSeconds`,
    );
  }
  if (problems.length > 0) return { kind: "refused", problems };
  const unused = unusedFields.filter((path) => valueAt(given, path.split(".")) !== undefined);
  return { kind: "valid", spec, unused: unused.map((path) => `spec.${path}`) };
}

function describe(issue: Issue, given: unknown): string {
  const value = valueAt(given, issue.path);
  const is = value === undefined || typeof value === "object" ? "" : ` (it is ${JSON.stringify(value)})`;
  return `${["spec", ...issue.path.map(String)].join(".")}: ${issue.message}${is}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

/** The schema drops what it does not know: a field that was given and is not in the result has a name that is none. */
function unknownFields(given: unknown, known: unknown, path: string): string[] {
  if (Array.isArray(given) && Array.isArray(known)) {
    return given.flatMap((value, i) => unknownFields(value, known[i], `${path}.${i}`));
  }
  if (typeof given !== "object" || given === null || typeof known !== "object" || known === null) return [];
  return Object.entries(given).flatMap(([key, value]) =>
    key in known
      ? unknownFields(value, (known as Record<string, unknown>)[key], `${path}.${key}`)
      : [`${path}.${key}: there is no such field`],
  );
}

function quantityProblems(given: Readonly<Record<string, unknown>>): string[] {
  return Object.entries<QuantityRange>(quantityRanges).flatMap(([path, { least, most }]) => {
    const value = valueAt(given, path.split("."));
    if (value === undefined) return [];
    try {
      const bytes = bytesOf(String(value));
      if (least !== undefined && bytes < bytesOf(least)) return [`spec.${path}: must be at least ${least}`];
      if (most !== undefined && bytes > bytesOf(most)) return [`spec.${path}: must be at most ${most}`];
      return [];
    } catch (error) {
      return [`spec.${path}: ${(error as Error).message}`];
    }
  });
}
