/**
 * Writes what follows from the schema of the custom resource: the CRD in the chart and its reference. With
 * --check it writes nothing, and ends with 1 when a file is not as it should be.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { customResourceDefinition } from "../src/api/v1alpha1/custom-resource-definition.ts";
import { resourceReference } from "../src/api/v1alpha1/reference.ts";

const root = new URL("../../", import.meta.url);

/** Kept when the release is uninstalled: deleting it would delete every store. */
function crdTemplate(): string {
  const crd = customResourceDefinition();
  const metadata = { ...crd.metadata, annotations: { "helm.sh/resource-policy": "keep" } };
  const yaml = stringify({ ...crd, metadata }, { aliasDuplicateObjects: false, lineWidth: 0 });
  return `{{- /* Made by npm run generate. */}}\n{{- if .Values.crds.install }}\n${yaml}{{- end }}\n`;
}

const files: Readonly<Record<string, string>> = {
  "charts/rstore/templates/crd.yaml": crdTemplate(),
  "docs/reference/replicatedstore.md": resourceReference(),
};

const check = process.argv.includes("--check");
for (const [name, content] of Object.entries(files)) {
  const path = fileURLToPath(new URL(name, root));
  if (read(path) === content) continue;
  if (check) {
    console.error(`${name} is not what the schema says: run npm run generate`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    console.log(`wrote ${name}`);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
