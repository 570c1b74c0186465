import { readdirSync, readFileSync } from "node:fs";
import { allAlerts } from "@rstore/charts/alerts/alert-groups";
import { promtool, promtoolMissing } from "@rstore/charts/testing/promtool";
import { realTiming } from "@rstore/charts/timing";
import { describe, expect, it } from "vitest";
import { readmeText } from "../../client/src/cli/debug/readme-text.ts";
import { createProgram } from "../../client/src/cli/program.ts";
import { panelsOf, shippedDashboards } from "./panel-queries.ts";

const missing = promtoolMissing();
if (missing !== undefined) console.warn(missing);

const folder = new URL("../../docs/runbooks/", import.meta.url);
const alerts = allAlerts(realTiming);
const pages = readdirSync(folder)
  .filter((name) => name !== "README.md")
  .map((file) => ({
    name: file.replace(/\.md$/, ""),
    text: readFileSync(new URL(file, folder), "utf8"),
  }));
const operations = readFileSync(new URL("../operations.md", folder), "utf8");

const metricsReference = readFileSync(new URL("../reference/metrics.md", folder), "utf8");

/** Rows of the tables that answer questions, one for each line of four cells. */
const answers = operations.split(/^## /m).flatMap((text) => {
  const [section = "", ...lines] = text.split("\n");
  const begin = lines.indexOf("| question | panel | query | command |");
  if (begin < 0) return [];
  const rows = lines.slice(begin + 2);
  return rows.slice(0, rows.indexOf("")).map((row) => {
    const [question = "", panel = "", query = "", command = "", ...rest] = row.slice(2, -2).split(" | ");
    return { section, question, panel, query, command: [command, ...rest].join(" | ") };
  });
});

/** In the tables of docs/operations.md. */
const queriesOfOperations = [...operations.matchAll(/(?<=\| )`([^`|]*(?:rstore_|ALERTS)[^`|]*)`(?= \|)/g)]
  .map(([, expr]) => expr!)
  .filter((expr) => !/^(?:kubectl|helm|rstore|metrics) /.test(expr));

const kubectlVerbs = ["describe", "events", "exec", "get", "logs", "patch", "top"];

/** Lines of the page's blocks of this language. */
function blocksOf(text: string, language: string): string[] {
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, "gm"));
  return [...blocks].flatMap(([, block = ""]) => block.trim().split("\n"));
}

/** `rstore …` and `kubectl …` in blocks and in text. */
function commandsOf(text: string): string[] {
  const spans = [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`]+)`/g)].map(
    ([, span]) => span!,
  );
  return [...blocksOf(text, "sh"), ...spans].filter((command) => /^(?:rstore|kubectl|helm) /.test(command));
}

/** The words after `rstore`, up to a pipe or a redirection. */
function rstoreWords(command: string): string[] | undefined {
  const words = /(?:^|-- )rstore(?: (.*))?$/.exec(command)?.[1]?.split(" ");
  const end = words?.findIndex((word) => /^[|>]/.test(word)) ?? -1;
  return end < 0 ? words : words?.slice(0, end);
}

describe("runbooks", () => {
  it("each alert has a page, and each page an alert", () => {
    expect(pages.map(({ name }) => name).sort()).toEqual(alerts.map(({ name }) => name).sort());
  });

  it("the list has each alert with its severity and delay", () => {
    const list = readFileSync(new URL("README.md", folder), "utf8");
    const rows = [...list.matchAll(/^\| \[(\w+)\]\(\1\.md\) \| (\w+) \| ([\w ]+) \|$/gm)];
    expect(rows.map(([, name, severity, after]) => ({ name, severity, after }))).toEqual(
      alerts.map((alert) => ({ name: alert.name, severity: alert.severity, after: alert.for ?? "at once" })),
    );
  });

  it.each(pages)("$name has its alert's severity and delay, and all its parts", ({ name, text }) => {
    const alert = alerts.find((candidate) => candidate.name === name);
    const delay = alert?.for === undefined ? "at once" : `after ${alert.for}`;
    expect(text.split("\n")[0]).toBe(`# ${name}`);
    expect(text.split("\n")[2]).toBe(`Severity: ${alert?.severity}. Fires ${delay}.`);
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual([
      "Impact",
      "How to look",
      "What to do",
    ]);
    expect(blocksOf(text, "sh").length).toBeGreaterThan(0);
    expect(blocksOf(text, "promql").length).toBeGreaterThan(0);
  });

  it.each(pages)("$name names commands and options that rstore has", ({ text }) => {
    for (const command of commandsOf(text)) {
      const words = rstoreWords(command);
      if (words !== undefined) expectAccepted(words, command);
      const verb = /^kubectl (\S+)/.exec(command)?.[1];
      if (verb !== undefined) expect(kubectlVerbs, command).toContain(verb);
    }
  });

  it("select the store of their queries by its namespace, too: other namespaces have stores of that name", () => {
    const texts = [...pages, { name: "operations", text: operations }];
    for (const { name, text } of texts) {
      for (const [selector] of text.matchAll(/\{[^{}\n]*\bstore="[^{}\n]*\}/g))
        expect(selector, name).toMatch(/\bnamespace="/);
    }
  });

  it("and the archive of rstore debug name the operator's Deployment as the chart does", () => {
    const archive = readmeText(
      { asked: [], files: [], membersProblem: undefined } as never,
      new Date(),
      "1.2.3",
    );
    const texts = [...pages, { name: "operations", text: operations }, { name: "archive", text: archive }];
    const named = texts.flatMap(({ text }) =>
      [...text.matchAll(/\b(?:deploy|deployment)\/([\w-]+)/g)].map(([, deployment]) => deployment),
    );
    expect(archive).toContain("deploy/");
    expect(new Set(named)).toEqual(new Set(["rstore"]));
  });

  it.each(answers)(
    "docs/operations.md: $question has panel, query and command",
    ({ panel, query, command }) => {
      expect(panel).toMatch(/^\*[^*]+\* › \*\*/);
      expect(queriesOfOperations).toContain(/^`([^`]+)`$/.exec(query)?.[1]);
      const [, shown = ""] = /^`([^`]+)`$/.exec(command) ?? [];
      const [, name] = /^metrics example-\d (\w+)$/.exec(shown) ?? [];
      if (name !== undefined) return expect(metricsReference).toContain(`\`${name}\``);
      expect(kubectlVerbs).toContain(/^kubectl (\S+) /.exec(shown)?.[1]);
      const words = rstoreWords(shown);
      if (words !== undefined) expectAccepted(words, shown);
    },
  );

  it("docs/operations.md answers what is asked of it", () => {
    const sections = new Set(answers.map(({ section }) => section));
    expect([...sections]).toEqual(["Is it healthy?", "Why is it slow?", "What is it doing?"]);
    expect(answers.length).toBeGreaterThan(15);
  });

  it("names of panels are those of the dashboards, here and in docs/operations.md", () => {
    const known = new Map(
      shippedDashboards().map((dashboard) => [
        dashboard.title.replace("rstore / ", ""),
        panelsOf(dashboard).map(({ title }) => title),
      ]),
    );
    for (const { name, text } of [...pages, { name: "operations", text: operations }]) {
      for (const [, dashboard = "", titles = ""] of text.matchAll(
        /\*([^*\n]+)\* › ((?:\*\*[^*]+\*\*(?:, | and )?)+)/g,
      )) {
        for (const [, title] of titles.matchAll(/\*\*([^*]+)\*\*/g)) {
          expect(known.get(dashboard), `${name}: ${dashboard}`).toContain(title);
        }
      }
    }
  });
});

describe.skipIf(missing !== undefined)("queries of runbooks and docs/operations.md", () => {
  it("are PromQL", async () => {
    expect(queriesOfOperations.length).toBeGreaterThan(10);
    const all = [...pages.flatMap(({ text }) => blocksOf(text, "promql")), ...queriesOfOperations];
    const rules = all.map((expr, at) => ({ record: `runbook:${at}`, expr }));
    const file = { groups: [{ name: "runbooks", rules }] };
    const { output } = await promtool(["check", "rules", "rules.yaml"], { "rules.yaml": file });
    expect(output).toContain(`SUCCESS: ${rules.length} rules found`);
  });

  it("are about metrics that there are", () => {
    const known = new Set(
      [...metricsReference.matchAll(/`((?:rstore|process|nodejs)_\w+)`/g)].map(([, name]) => name!),
    );
    const sources = [
      ...pages.map(({ name, text }) => ({ name, text: blocksOf(text, "promql").join("\n") })),
      ...alerts.map(({ name, expr }) => ({ name, text: expr })),
      { name: "operations", text: queriesOfOperations.join("\n") },
      { name: "dashboards", text: JSON.stringify(shippedDashboards().flatMap(panelsOf)) },
    ];
    for (const { name, text } of sources) {
      for (const [metric] of text.matchAll(/(?<![\w:])(?:rstore|process|nodejs)_\w+(?![\w:]*:)/g)) {
        const base = metric.replace(/_(?:bucket|sum|count)$/, "");
        expect(known.has(metric) || known.has(base), `${name}: ${metric}`).toBe(true);
      }
    }
  });
});

/** Finds the command and its options in the program, without running it. */
function expectAccepted(words: readonly string[], command: string): void {
  const program = createProgram({ argv: [], env: {} } as never);
  let current: ReturnType<typeof createProgram> = program;
  for (const word of words) {
    if (word.startsWith("-") && word !== "-") {
      const known = [...current.options, ...program.options].some(
        ({ long, short }) => long === word || short === word,
      );
      expect(known, `${command}: ${word}`).toBe(true);
    } else {
      current = current.commands.find((candidate) => candidate.name() === word) ?? current;
    }
  }
  expect(current !== program && current.commands.length === 0, `${command}: no such command`).toBe(true);
}
