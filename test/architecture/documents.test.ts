import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { reasons } from "@rstore/operator/api/v1alpha1/reasons";
import { checkSpec } from "@rstore/operator/platform/process/check-spec";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { checkLinks, checkNamedPaths, checkPanels, checkScripts, type Document } from "./check-documents.ts";
import { settingsReference } from "./settings-reference.ts";
import { describeViolations, readRepositoryFile, repositoryRoot, type Violation } from "./source-tree.ts";

const documents = [...markdownIn("")].map((path): Document => ({ path, text: readRepositoryFile(path) }));

function* markdownIn(folder: string): Generator<string> {
  for (const entry of readdirSync(join(repositoryRoot, folder), { withFileTypes: true })) {
    if (entry.name.startsWith(".") || ["node_modules", "dist", "coverage"].includes(entry.name)) continue;
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* markdownIn(path);
    else if (entry.name.endsWith(".md")) yield path;
  }
}

const exists = (path: string): boolean => existsSync(join(repositoryRoot, path));

/** Titles of the panels of a dashboard, by its name in the documents. */
function panelsOf(dashboard: string): ReadonlySet<string> {
  const file = { Fleet: "fleet", Store: "store", Operator: "operator", "Node.js process": "nodejs" }[
    dashboard
  ];
  interface Panel {
    readonly title: string;
    readonly panels?: readonly Panel[];
  }
  const { panels } = JSON.parse(readRepositoryFile(`charts/rstore/dashboards/${file}.json`)) as {
    panels: readonly Panel[];
  };
  return new Set(panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]).map(({ title }) => title));
}

/** Of resources written as YAML, and of `kubectl patch --type=merge -p`. */
function specsIn(text: string): Record<string, unknown>[] {
  const resources = text.matchAll(/^apiVersion: rstore\.dev\/.*\n(?:.*\n)*?(?=EOF|```)/gm);
  const patches = text.matchAll(/kubectl patch rstore .*--type=merge -p '([^']+)'/g);
  return [...[...resources].map(([yaml]) => yaml), ...[...patches].map(([, patch]) => patch!)].map(
    (source) => (parse(source) as { spec: Record<string, unknown> }).spec,
  );
}

function expectNone(violations: readonly Violation[]): void {
  expect(describeViolations(violations)).toBe("");
}

describe("the documents speak of what is there", () => {
  it("every relative link and anchor resolves", () => expectNone(checkLinks(documents, exists)));
  it("every path in backticks exists", () => expectNone(checkNamedPaths(documents, exists)));
  it("ARCHITECTURE.md has a line for each room of replica and operator", () => {
    const rooms = ["replica/src", "operator/src"].flatMap((folder) =>
      readdirSync(join(repositoryRoot, folder), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => `${folder}/${name}`),
    );
    const text = readRepositoryFile("ARCHITECTURE.md");
    expect(rooms.filter((room) => !text.includes(`\`${room}\``))).toEqual([]);
  });
  it("every `npm run` names a script", () => {
    const { scripts } = JSON.parse(readRepositoryFile("package.json")) as { scripts: object };
    expectNone(checkScripts(documents, new Set(Object.keys(scripts))));
  });
  it("docs/operations.md has each reason of a condition, and no other", () => {
    const section = readRepositoryFile("docs/operations.md").split(/^## /m);
    const conditions = section.find((text) => text.startsWith("Conditions\n")) ?? "";
    const documented = [...conditions.matchAll(/^\| `(\w+)` \|/gm)].map(([, reason]) => reason!);
    expect([...new Set(documented)].sort()).toEqual(Object.keys(reasons).sort());
  });
  it("every ReplicatedStore and every patch of one is what the API server takes", () => {
    const specs = documents.flatMap(({ path, text }) => specsIn(text).map((spec) => ({ path, spec })));
    expect(specs.length).toBeGreaterThan(5);
    const refused = specs.filter(({ spec }) => checkSpec(spec).kind === "refused");
    expect(refused).toEqual([]);
  });
  it("docs/operations.md names panels and metrics that there are", () => {
    const operations = readRepositoryFile("docs/operations.md");
    expect(checkPanels(operations, panelsOf)).toEqual([]);
    const reference = readRepositoryFile("docs/reference/metrics.md");
    const named = [...operations.matchAll(/\brstore_\w+/g)].map(([name]) => name.replace(/_bucket$/, ""));
    expect(named.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
  });
  it("docs/reference/settings.md is what the code says (npm run generate -w @rstore/test)", () => {
    expect(readRepositoryFile("docs/reference/settings.md")).toBe(settingsReference());
  });
});

describe("the checks of documents", () => {
  const there = new Set(["README.md", "docs", "docs/a.md", "docs/b.md", "replica", "replica/src/raft"]);
  const has = (path: string): boolean => there.has(path);
  const broken = (text: string, rule: typeof checkLinks, path = "docs/a.md"): string[] =>
    rule(
      [
        { path, text },
        { path: "docs/b.md", text: "# B\n## What `x` is, and isn't\n## Again\n## Again" },
      ],
      has,
    ).map(({ file, line }) => `${file}:${line}`);

  it.each([
    "[gone](c.md)",
    "\n[gone](../docs/c.md)".trim(),
    "[no heading](b.md#c)",
    "[own](#none)",
    "[x]: c.md",
    '<img src="c.png">',
  ])("refused: %s", (text) => expect(broken(text, checkLinks)).toEqual(["docs/a.md:1"]));

  it.each([
    "[b](b.md)",
    "[b](./b.md#what-x-is-and-isnt)",
    "[b](b.md#again-1)",
    "[up](../README.md)",
    "[folder](../docs/)",
    "[out](https://example.org/c.md)",
    "`[code](c.md)`",
    "```sh\n[block](c.md)\n```",
    "# Own\n[own](#own)",
  ])("allowed: %s", (text) => expect(broken(text, checkLinks)).toEqual([]));

  it("refused: a path of the repository that is not there", () => {
    expect(broken("`replica/src/none`", checkNamedPaths)).toEqual(["docs/a.md:1"]);
    expect(broken("`replica/none/*.ts`", checkNamedPaths)).toEqual(["docs/a.md:1"]);
  });

  it("allowed: a path that is there, and what is none", () => {
    const text = "`replica/src/raft/` `replica/src/raft/*.txt` `a/b` `and/or` `npm run replica/x y`";
    expect(broken(text, checkNamedPaths)).toEqual([]);
  });

  it("refused: a panel that no dashboard has", () => {
    const panels = (dashboard: string) => new Set(dashboard === "Store" ? ["Leader", "Commit"] : []);
    expect(checkPanels("| *Store* › **Leader**, **Commit** | **bold** |", panels)).toEqual([]);
    expect(checkPanels("*Store* › **Leader**, **Gone**; *Fleet* › **Leader**", panels)).toEqual([
      "Store › Gone",
      "Fleet › Leader",
    ]);
  });

  it("refused: a script that package.json lacks", () => {
    const check = (text: string) => checkScripts([{ path: "a.md", text }], new Set(["sim"]));
    expect(check("`npm run sam`")).toHaveLength(1);
    expect(check("`npm run sim -- --help`; npm run mutations -w @rstore/test")).toEqual([]);
  });
});
