import { createCommand } from "@rstore/operator/settings";
import {
  type ConfigKey,
  configSchema,
  environmentName,
  flagName,
  showBytes,
} from "@rstore/replica/runtime/config";
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from "yaml";
import { readRepositoryFile } from "./source-tree.ts";

/** docs/reference/settings.md, from the code and from the chart's values. */
export function settingsReference(): string {
  return `${[
    "# Settings",
    "<!-- Made by `npm run generate` from replica/src/runtime/config.ts, operator/src/settings.ts and charts/rstore/values.yaml. -->",
    "What a store on Kubernetes is asked for is in [replicatedstore.md](replicatedstore.md): the operator sets its replicas' settings from that, as environment variables. The flags of the command line are in [cli.md](cli.md).",
    "## Replica",
    "`rstore-replica` takes each setting as a flag, as an environment variable, and as a key of the YAML file that `--config` names. A flag wins over the variable, the variable over the file. The key is the flag in camelCase: `--data-dir` is `dataDir`. Sizes are bytes, or have a unit: `64MiB`. A setting that is wrong, unknown or at odds with another one ends the process with code 64 and a message that names it.",
    table(["flag", "variable", "default", ""], replicaRows()),
    "## Operator",
    "The chart sets these from its values. A wrong flag ends the process with code 64.",
    table(["flag", "variable", "default", ""], operatorRows()),
    "## Chart",
    "Values of `charts/rstore`; `helm show values charts/rstore` prints them as a file. What is not in the schema is refused.",
    table(["value", "default", ""], chartRows()),
  ].join("\n\n")}\n`;
}

function replicaRows(): string[][] {
  const rows = Object.entries(configSchema.shape).map(([key, schema]) => [
    code(`--${flagName(key)}`),
    code(environmentName(key)),
    replicaDefault(key as ConfigKey),
    schema.description ?? "",
  ]);
  return [["`--config`", "", "", "YAML file of settings"], ...rows];
}

function replicaDefault(key: ConfigKey): string {
  const fallback = configSchema.shape[key].safeParse(undefined).data;
  // Told in words by the description.
  if (key === "name" || fallback === "") return "";
  return code(key.endsWith("Bytes") ? showBytes(Number(fallback)) : String(fallback));
}

function operatorRows(): string[][] {
  const own = createCommand().options.filter(({ long }) => long !== "--version");
  return own.map((option) => {
    const shown = option.defaultValueDescription ?? option.defaultValue;
    return [
      code(option.long ?? option.flags),
      option.envVar === undefined ? "" : code(option.envVar),
      option.negate || shown === "" || shown === undefined ? "" : code(String(shown)),
      [option.description, option.argChoices === undefined ? "" : `one of ${option.argChoices.join(", ")}`]
        .filter((text) => text !== "")
        .join("; "),
    ];
  });
}

/** Every leaf of values.yaml with the comment above it. */
function chartRows(): string[][] {
  const { contents } = parseDocument(readRepositoryFile("charts/rstore/values.yaml"));
  if (!isMap(contents)) throw new Error("charts/rstore/values.yaml is no map");
  return leavesOf(contents as YAMLMap, "");
}

function leavesOf(map: YAMLMap, prefix: string): string[][] {
  // The comment above the first key of a map is the map's.
  const first = map.commentBefore ?? undefined;
  return map.items.flatMap((item, at) => {
    const { key, value } = item as Pair<{ value: string; commentBefore?: string }, unknown>;
    const name = `${prefix}${key.value}`;
    const comment = [at === 0 ? first : undefined, key.commentBefore]
      .filter((text) => text != null)
      .join("\n");
    if (isMap(value) && value.items.length > 0) {
      const inner = leavesOf(value as YAMLMap, `${name}.`);
      return comment === "" ? inner : [[code(name), "", proseOf(comment)], ...inner];
    }
    const json = isScalar(value) ? value.value : (value as { toJSON(): unknown }).toJSON();
    return [[code(name), json === null ? "" : code(JSON.stringify(json)), proseOf(comment)]];
  });
}

function proseOf(comment: string): string {
  return comment
    .split("\n")
    .map((line) => line.trim())
    .join(" ")
    .trim();
}

/** Text of a cell; what is in angle brackets would be taken for HTML. */
function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|").replaceAll("\n", " ").replaceAll("<", "&lt;");
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => escaped(cell)).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
