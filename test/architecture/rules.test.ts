import { describe, expect, it } from "vitest";
import { checkDeadFiles, checkDirections, checkLibraries } from "./check-imports.ts";
import { checkAdrNames, checkLockFile } from "./check-repository.ts";
import { checkAmbience, checkFileLengths, checkMarks, checkPurity, checkSleeps } from "./check-text.ts";
import { scanSource } from "./scan-source.ts";
import { type SourceFile, sourceFile, type Violation } from "./source-tree.ts";
import { entryPoints } from "./tables.ts";

type Rule = (files: readonly SourceFile[]) => Violation[];

/** Where the rule is broken, as `path:line`. */
function broken(rule: Rule, path: string, text: string): string[] {
  return rule([sourceFile(path, text)]).map(({ file, line }) => `${file}:${line}`);
}

describe("directions of imports", () => {
  it.each([
    ["upwards", "replica/src/raft/raft.ts", 'import { RaftLoop } from "../runtime/raft-loop.ts";'],
    ["sideways", "replica/src/storage/log.ts", 'import { send } from "../transport/peer.ts";'],
    [
      "a value where only types are allowed",
      "replica/src/mvcc/store.ts",
      'import { open } from "../storage/kv.ts";',
    ],
    ["by re-export", "replica/src/raft/raft.ts", 'export * from "../apply/applier.ts";'],
    ["when called", "replica/src/rpc/kv.ts", 'const core = await import("../storage/environment.ts");'],
    ["through the package's name", "client/src/client.ts", 'import { x } from "@rstore/replica/raft/raft";'],
    [
      "over several lines",
      "replica/src/raft/raft.ts",
      'import {\n  a,\n  type b as c,\n} from "../mvcc/store.ts";',
    ],
    [
      "from a folder that is not in the table",
      "replica/src/extra/x.ts",
      'import { assert } from "../assert.ts";',
    ],
    ["into a folder that is not in the table", "replica/src/raft/x.ts", 'import { a } from "../extra/a.ts";'],
    [
      "types that are not allowed",
      "replica/src/raft/raft.ts",
      'import type { A } from "../apply/operation.ts";',
    ],
  ])("refused: %s", (_name, path, text) => {
    expect(broken(checkDirections, path, text)).toHaveLength(1);
  });

  it.each([
    ["downwards", "replica/src/runtime/raft-loop.ts", 'import { RawNode } from "../raft/raw-node.ts";'],
    ["types only", "replica/src/mvcc/store.ts", 'import type { Kv } from "../storage/kv-backend.types.ts";'],
    ["within a folder", "replica/src/raft/quorum/joint.ts", 'import { log } from "../log.ts";'],
    ["a comment", "replica/src/raft/raft.ts", '// import { a } from "../runtime/a.ts";'],
    ["a string", "replica/src/raft/raft.ts", "const a = 'import { a } from \"../runtime/a.ts\"';"],
    ["a test", "replica/src/raft/raft.test.ts", 'import { a } from "../runtime/a.ts";'],
  ])("allowed: %s", (_name, path, text) => {
    expect(broken(checkDirections, path, text)).toEqual([]);
  });
});

describe("libraries", () => {
  it.each([
    ["replica/src/runtime/raft-loop.ts", 'import { open } from "lmdb";'],
    ["replica/src/runtime/raft-loop.test.ts", 'import { open } from "lmdb";'],
    ["replica/src/runtime/raft-loop.ts", 'import { Code } from "@connectrpc/connect";'],
    ["replica/src/rpc/router.ts", 'import { Counter } from "prom-client";'],
    ["replica/src/rpc/router.ts", 'import type { Logger } from "pino";'],
    ["replica/src/runtime/config.ts", 'import { Command } from "commander";'],
    ["replica/src/rpc/router.ts", 'import { z } from "zod";'],
    ["client/src/client.ts", 'import grpc from "@grpc/grpc-js";'],
  ])("refused: %s %s", (path, text) => {
    expect(broken(checkLibraries, path, text)).toEqual([`${path}:1`]);
  });

  it.each([
    ["replica/src/storage/system/lmdb-engine.ts", 'import { open } from "lmdb";'],
    ["replica/src/metrics.ts", 'import { Counter } from "prom-client";'],
    ["replica/src/runtime/config-schema.ts", 'import { pick } from "./config.ts";'],
    ["test/foreign/grpc.test.ts", 'import grpc from "@grpc/grpc-js";'],
  ])("allowed: %s %s", (path, text) => {
    expect(broken(checkLibraries, path, text)).toEqual([]);
  });
});

describe("purity", () => {
  it.each([
    "const now = Date.now();",
    "const now = performance.now();",
    "const r = Math.random();",
    "setTimeout(go, 1);",
    "setImmediate(go);",
    "queueMicrotask(go);",
    "let p: Promise<void>;",
    "async function f() {}",
    "process.exit(1);",
    "console.log(1);",
    `const m = \`\${Date.now()}\`;`,
    'import { readFileSync } from "node:fs";',
    'import { Buffer } from "node:buffer";',
    'import { create } from "@bufbuild/protobuf";',
    "fetch(url);",
  ])("refused: %s", (text) => {
    expect(broken(checkPurity, "replica/src/raft/raft.ts", `\n${text}`)).toEqual([
      "replica/src/raft/raft.ts:2",
    ]);
  });

  it.each([
    "// Date.now() is not used here",
    "/* async */",
    'const s = "await Date.now()";',
    `const s = \`setTimeout \${1} Promise\`;`,
    "const a = message.Date; const updatedDate = 1; const processed = 2;",
    "const r = /async|Date/;",
    'import type { Buffer } from "node:buffer";',
  ])("allowed: %s", (text) => {
    expect(broken(checkPurity, "replica/src/raft/raft.ts", text)).toEqual([]);
  });

  it("counts for the pure folders only, and not for their tests", () => {
    expect(broken(checkPurity, "replica/src/runtime/clock.ts", "Date.now();")).toEqual([]);
    expect(broken(checkPurity, "replica/src/apply/applier.test.ts", "Date.now();")).toEqual([]);
    expect(broken(checkPurity, "replica/src/apply/applier.ts", "Date.now();")).toHaveLength(1);
  });
});

describe("what a simulation runs", () => {
  const path = "replica/src/storage/environment.ts";

  it.each([
    "const t = setTimeout(f, 1);",
    "setImmediate(f);",
    "const now = performance.now();",
    "const r = Math.random;",
    'import { open } from "node:fs/promises";',
    "process.exit(1);",
  ])("refused: %s", (text) => expect(broken(checkAmbience, path, text)).toEqual([`${path}:1`]));

  it.each(["await clock.after(1, f);", "Promise.resolve();", 'import { crc32 } from "node:zlib";'])(
    "allowed: %s",
    (text) => expect(broken(checkAmbience, path, text)).toEqual([]),
  );

  it("leaves what hands in the real ones, and what a simulation does not run", () => {
    for (const other of [
      "replica/src/storage/system/system-files.ts",
      "replica/src/runtime/clock.ts",
      "replica/src/rpc/admission.ts",
      "replica/src/storage/damage.test.ts",
    ]) {
      expect(broken(checkAmbience, other, "setTimeout(f, 1);")).toEqual([]);
    }
  });
});

describe("dead files", () => {
  const main = sourceFile("replica/src/main.ts", 'import { a } from "./a.ts"; new URL("./worker.ts", here);');
  const used = [sourceFile("replica/src/a.ts", ""), sourceFile("replica/src/worker.ts", "")];

  it("refused: a file that nothing imports, and a ring of files that only import each other", () => {
    const dead = [
      sourceFile("replica/src/b.ts", 'import { c } from "./c.ts";'),
      sourceFile("replica/src/c.ts", 'import { b } from "./b.ts";'),
    ];
    const found = checkDeadFiles([main, ...used, ...dead]).map(({ file }) => file);
    expect(found).toEqual(["replica/src/b.ts", "replica/src/c.ts"]);
  });

  it("refused: a file that only its test imports", () => {
    const dead = [
      sourceFile("replica/src/d.ts", ""),
      sourceFile("replica/src/d.test.ts", 'import { d } from "./d.ts";'),
    ];
    expect(checkDeadFiles([main, ...used, ...dead]).map(({ file }) => file)).toEqual(["replica/src/d.ts"]);
  });

  it("allowed: what an entry point reaches", () => {
    expect(entryPoints.some((pattern) => pattern.test(main.path))).toBe(true);
    expect(checkDeadFiles([main, ...used])).toEqual([]);
  });
});

describe("text", () => {
  it.each([
    "await new Promise((resolve) => setTimeout(resolve, 100));",
    "await new Promise<void>((done) => {\n  setTimeout(done, 100);\n});",
    "await sleep(100);",
    'import { setTimeout } from "node:timers/promises";',
  ])("refused in a test: %s", (text) => {
    expect(broken(checkSleeps, "test/a.test.ts", text)).toEqual(["test/a.test.ts:1"]);
  });

  it("allowed: a deadline, and a sleep inside what waits for a condition", () => {
    expect(broken(checkSleeps, "test/a.test.ts", "const timer = setTimeout(abort, 1_000);")).toEqual([]);
    expect(broken(checkSleeps, "test/wait-for.ts", "await new Promise((r) => setTimeout(r, 5));")).toEqual(
      [],
    );
  });

  const todo = "TO".concat("DO");
  it.each([
    `// ${todo}: later`,
    "/* FIX".concat("ME */"),
    "// @ts-".concat("ignore"),
    'it.skip("x", f);',
    'describe.only("x", f);',
    'it.concurrent.skip("x", f);',
    'test.todo("x");',
  ])("refused: %s", (text) => {
    expect(broken(checkMarks, "replica/src/a.test.ts", text)).toEqual(["replica/src/a.test.ts:1"]);
  });

  it("allowed: skipIf, and the word in a string", () => {
    expect(broken(checkMarks, "a.test.ts", `it.skipIf(!root)("${todo}", f);`)).toEqual([]);
  });

  it("refused: a file of more lines than allowed", () => {
    const path = "replica/src/long.ts";
    expect(broken(checkFileLengths, path, "x;\n".repeat(400))).toEqual([]);
    expect(broken(checkFileLengths, path, "x;\n".repeat(401))).toEqual([`${path}:401`]);
    expect(broken(checkFileLengths, "proto/src/gen/long_pb.ts", "x;\n".repeat(401))).toEqual([]);
  });
});

describe("the repository", () => {
  it("refused: a lock file that names a host", () => {
    const text = '{\n  "resolved": "https://registry.example.org/a/-/a-1.0.0.tgz"\n}';
    expect(checkLockFile("package-lock.json", text).map(({ line }) => line)).toEqual([2]);
    expect(checkLockFile("package-lock.json", '{ "resolved": "replica", "link": true }')).toEqual([]);
  });

  it("refused: decision records with one number, or none", () => {
    expect(checkAdrNames("docs/adr", ["0001-a.md", "0002-b.md"])).toEqual([]);
    expect(checkAdrNames("docs/adr", ["0001-a.md", "0001-b.md"])).toHaveLength(1);
    expect(checkAdrNames("docs/adr", ["storage.md"])).toHaveLength(1);
  });
});

describe("the scanner", () => {
  it("keeps offsets, tells division from regular expressions, and follows nested templates", () => {
    const text = `const a = b / c; /* x */ const r = /[/"]/g; const t = \`a\${{ b: \`c\${d}\` }.b}'\`; f('e'); // end\n`;
    const { code, comments, strings } = scanSource(text);
    expect(code).toHaveLength(text.length);
    expect(comments).toHaveLength(text.length);
    expect(comments.trim().split(/\s{2,}/)).toEqual(["/* x */", "// end"]);
    expect(strings.map(({ value }) => value)).toEqual(["e"]);
    expect(code).toContain("{ b: `");
    expect(code).toContain("const a = b / c;");
    expect(code).not.toContain("end");
  });

  it("finds every form of import with its line and whether it is of types", () => {
    const text = [
      'import "./a.ts";',
      'import type { B } from "./b.ts";',
      'import c, { type D } from "./c.ts";',
      'export type { E } from "./e.ts";',
      'export * as f from "./f.ts";',
      'const g = import("./g.ts");',
      'const from = "./h.ts"; f("./i.ts");',
    ].join("\n");
    const found = scanSource(text).imports.map(({ specifier, line, typeOnly }) => [
      specifier,
      line,
      typeOnly,
    ]);
    expect(found).toEqual([
      ["./a.ts", 1, false],
      ["./b.ts", 2, true],
      ["./c.ts", 3, false],
      ["./e.ts", 4, true],
      ["./f.ts", 5, false],
      ["./g.ts", 6, false],
    ]);
  });
});
