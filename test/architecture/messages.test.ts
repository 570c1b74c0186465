import { messages as operatorMessages } from "@rstore/operator/messages/messages";
import type { Message } from "@rstore/replica/messages/message";
import { messages as replicaMessages } from "@rstore/replica/messages/messages";
import { describe, expect, it } from "vitest";
import { logsReference, messageChapters } from "./logs-reference.ts";
import { isTest, loadSources, readRepositoryFile } from "./source-tree.ts";

const programs: readonly { readonly name: string; readonly table: Readonly<Record<string, Message>> }[] = [
  { name: "replica", table: replicaMessages },
  { name: "operator", table: operatorMessages },
];

const idForm = /^[a-z]+(\.[a-z]+)+$/;

/** Ids that the code of a program records: by a string in the call, or by one chosen just before it. */
function recorded(program: string): Set<string> {
  const ids = new Set<string>();
  for (const { path, code, strings } of loadSources([`${program}/src`])) {
    if (isTest(path) || /\/(messages|console)\//.test(path)) continue;
    const choosesBefore = /\brecord\(id,/.test(code);
    for (const { value, start } of strings) {
      const isRecorded = /\brecord\(\s*$/.test(code.slice(Math.max(0, start - 40), start));
      if (isRecorded || (choosesBefore && idForm.test(value))) ids.add(value);
    }
  }
  return ids;
}

describe.each(programs)("the messages of the $name", ({ name, table }) => {
  const entries = Object.entries(table);

  it("are all recorded somewhere, and nothing else is", () => {
    expect([...recorded(name)].sort()).toEqual(Object.keys(table).sort());
  });

  it("name fields that they have", () => {
    for (const [id, { text, fields, repeats }] of entries) {
      const used = [...[...text.matchAll(/\{(\w+)\}/g)].map(([, field]) => field!), ...(repeats?.by ?? [])];
      expect(Object.keys(fields), id).toEqual(expect.arrayContaining(used));
      // The stack of an error is for the log alone.
      expect(used, id).not.toContain("err");
    }
  });

  it("have ids like names, and say what they mean and what to do", () => {
    for (const [id, { meaning, action, fields }] of entries) {
      expect(id).toMatch(idForm);
      expect(meaning, id).toMatch(/^[A-Z`].*\.$/s);
      expect(action, id).toMatch(/\.$/);
      for (const forbidden of ["key", "value"]) expect(Object.keys(fields), id).not.toContain(forbidden);
    }
  });

  it("that warn and may repeat are limited", () => {
    const once = [
      "replica.removed",
      "replica.reset",
      "storage.repaired",
      "store.lost",
      "disk.low",
      "disk.full",
    ];
    const ends = ["raft.failed", "connection.cut", "peer.address.invalid", "operator.ends"];
    const free = entries.filter(
      ([, { level, repeats }]) => /warn|error/.test(level) && repeats === undefined,
    );
    const unlimited = free.map(([id]) => id).filter((id) => ![...once, ...ends].includes(id));
    expect(unlimited).toEqual([]);
  });
});

it("docs/reference/logs.md is what the code says (npm run generate -w @rstore/test)", () => {
  expect(readRepositoryFile("docs/reference/logs.md")).toBe(logsReference());
});

it("every message has its place in the reference", () => {
  const documented = messageChapters.flatMap(({ table }) => Object.keys(table));
  const all = programs.flatMap(({ table }) => Object.keys(table));
  expect(documented.sort()).toEqual(all.sort());
});
