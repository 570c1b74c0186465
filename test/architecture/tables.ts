/**
 * What may import what, as data. A change here is a change of the architecture: say why in docs/adr.
 *
 * A folder is named by its path from the root of the repository; a file belongs to the longest name that its
 * path begins with. A name that ends in `.ts` is a folder of one file.
 */
export interface Folder {
  readonly name: string;
  /** Folders whose code it may load. Every folder may import itself. */
  readonly imports: readonly string[];
  /** Folders of which it may know the types only. */
  readonly types?: readonly string[];
  /** Takes time and chance as arguments; no I/O, no clock, no promises, no packages. */
  readonly pure?: boolean;
}

const base = ["replica/src/assert.ts"];
const boundary = [
  ...base,
  "replica/src/errors.ts",
  "replica/src/events.ts",
  "replica/src/log.ts",
  "replica/src/metrics",
  "replica/src/reused.ts",
];
const wired = [
  ...boundary,
  "replica/src/tracing",
  "replica/src/apply",
  "replica/src/console",
  "replica/src/mvcc",
  "replica/src/raft",
  "replica/src/rpc",
  "replica/src/runtime",
  "replica/src/storage",
  "replica/src/transport",
  "replica/src/version.ts",
];

export const folders: readonly Folder[] = [
  { name: "proto", imports: [] },

  { name: "replica/src/assert.ts", imports: [] },
  { name: "replica/src/errors.ts", imports: [] },
  { name: "replica/src/reused.ts", imports: [] },
  { name: "replica/src/messages", imports: ["replica/src/messages/message.ts"] },
  { name: "replica/src/line-limiter.ts", imports: [] },
  // How lines are written from a table of messages, also the operator's.
  { name: "replica/src/messages/message.ts", imports: [] },
  {
    name: "replica/src/message-log.ts",
    imports: ["replica/src/line-limiter.ts", "replica/src/messages/message.ts"],
  },
  { name: "replica/src/events.ts", imports: ["replica/src/message-log.ts", "replica/src/messages"] },
  { name: "replica/src/log.ts", imports: ["replica/src/events.ts"] },
  { name: "replica/src/metrics", imports: base, types: ["replica/src/runtime", "replica/src/transport"] },
  { name: "replica/src/raft", imports: base, pure: true },
  { name: "replica/src/mvcc", imports: base, types: ["replica/src/storage"], pure: true },
  {
    name: "replica/src/apply",
    // The record that makes the applied index part of the state machine's own transaction is a plain codec.
    imports: [...base, "replica/src/errors.ts", "replica/src/mvcc", "replica/src/storage/store-meta.ts"],
    types: ["replica/src/raft", "replica/src/storage"],
    pure: true,
  },
  {
    name: "replica/src/storage",
    imports: [...boundary, "replica/src/storage/system"],
    types: ["replica/src/raft", "replica/src/mvcc"],
  },
  { name: "replica/src/storage/system", imports: boundary, types: ["replica/src/storage"] },
  { name: "replica/src/transport", imports: [...boundary, "proto"], types: ["replica/src/raft"] },
  {
    name: "replica/src/tracing",
    imports: [...boundary, "replica/src/tracing/trace-parent.ts", "replica/src/tracing/types.ts"],
  },
  { name: "replica/src/tracing/types.ts", imports: [] },
  { name: "replica/src/tracing/trace-parent.ts", imports: [] },
  {
    name: "replica/src/runtime",
    imports: [
      ...boundary,
      "proto",
      "replica/src/tracing/trace-parent.ts",
      "replica/src/apply",
      "replica/src/mvcc",
      "replica/src/raft",
      "replica/src/storage",
      "replica/src/transport",
    ],
    types: ["replica/src/tracing/types.ts"],
  },
  {
    name: "replica/src/rpc",
    imports: [...boundary, "proto", "replica/src/runtime"],
    types: [
      "replica/src/apply",
      "replica/src/console",
      "replica/src/mvcc",
      "replica/src/raft",
      "replica/src/transport",
    ],
  },
  {
    name: "replica/src/console",
    imports: boundary,
    types: ["replica/src/messages", "replica/src/raft", "replica/src/runtime", "replica/src/transport"],
  },
  // Runs in a browser.
  { name: "replica/src/console/page", imports: [], types: ["replica/src/console"] },
  // The entry point and what wires everything together.
  { name: "replica/src/version.ts", imports: [] },
  { name: "replica/src/assemble-replica.ts", imports: wired },
  { name: "replica/src/serve-console.ts", imports: wired },
  { name: "replica/src/diagnose.ts", imports: [], types: wired },
  {
    name: "replica/src/server.ts",
    imports: [
      ...wired,
      "replica/src/assemble-replica.ts",
      "replica/src/diagnose.ts",
      "replica/src/serve-console.ts",
    ],
  },
  { name: "replica/src/main.ts", imports: [...wired, "replica/src/server.ts"] },
  { name: "replica/bench", imports: ["replica/src", "proto"] },

  { name: "client/src", imports: ["proto"], types: ["client/src/tracing/types.ts"] },
  { name: "client/src/tracing", imports: ["client/src/tracing/types.ts", "client/src/version.ts"] },
  { name: "client/src/tracing/types.ts", imports: [] },
  { name: "client/src/version.ts", imports: [] },
  { name: "client/src/cli", imports: ["client/src", "proto"] },
  // What runs and shows a store on this machine: of the operator all but Kubernetes.
  {
    name: "client/src/cli/local",
    imports: ["client/src/cli", "operator/src/platform/process"],
    types: ["operator/src/plan"],
  },
  { name: "client/src/cli/debug", imports: ["client/src", "client/src/cli", "proto"] },
  // Loaded only when it is asked for.
  {
    name: "client/src/cli/local-commands.ts",
    imports: ["client/src/cli", "operator/src/platform/process/local-error.ts"],
  },
  { name: "client/src/testing", imports: ["client/src", "client/src/cli", "proto"] },
  { name: "client/scripts", imports: ["replica/src/console/assets.ts"] },
  { name: "client/bench", imports: ["client/src", "client/src/testing", "proto"] },

  { name: "operator/src/kube", imports: [] },
  { name: "operator/src/api", imports: [] },
  { name: "operator/src/plan", imports: ["operator/src/api"], pure: true },
  {
    name: "operator/src/plan/testing",
    imports: ["operator/src/api", "operator/src/plan", "operator/src/status"],
  },
  { name: "operator/src/status", imports: ["operator/src/api", "operator/src/plan"], pure: true },
  { name: "operator/src/member", imports: ["operator/src/api", "proto"], types: ["operator/src/plan"] },
  {
    name: "operator/src/platform",
    imports: ["operator/src/api", "operator/src/member"],
    types: ["operator/src/plan"],
  },
  {
    name: "operator/src/platform/kubernetes",
    imports: ["operator/src/api", "operator/src/kube", "operator/src/member", "operator/src/platform"],
    types: ["operator/src/plan"],
  },
  // The command line of the client takes it in: it knows nothing of Kubernetes.
  {
    name: "operator/src/platform/process",
    imports: [
      "operator/src/api",
      "operator/src/member",
      "operator/src/plan",
      "operator/src/platform",
      "operator/src/status",
    ],
  },
  { name: "operator/src/messages", imports: ["replica/src/messages/message.ts"] },
  { name: "operator/src/log.ts", imports: ["operator/src/messages", "replica/src/message-log.ts"] },
  { name: "operator/src/version.ts", imports: [] },
  { name: "operator/src/settings.ts", imports: ["operator/src/log.ts", "operator/src/version.ts"] },
  {
    name: "operator/src/metrics",
    imports: [
      "operator/src/api",
      "operator/src/kube",
      "operator/src/member",
      "proto",
      "replica/src/metrics/definition.ts",
    ],
    types: ["operator/src/plan"],
  },
  {
    name: "operator/src/controller",
    imports: [
      "operator/src/api",
      "operator/src/metrics",
      "operator/src/kube",
      "operator/src/log.ts",
      "operator/src/member",
      "operator/src/plan",
      "operator/src/platform",
      "operator/src/platform/kubernetes",
      "operator/src/status",
      "operator/src/version.ts",
    ],
    types: ["operator/src/settings.ts"],
  },
  {
    name: "operator/src/main.ts",
    imports: [
      "operator/src/controller",
      "operator/src/kube",
      "operator/src/log.ts",
      "operator/src/settings.ts",
      "operator/src/version.ts",
    ],
  },
  { name: "charts/monitoring", imports: [] },
  { name: "charts/scripts", imports: ["charts/monitoring"] },
  { name: "operator/scripts", imports: ["operator/src/api"] },

  {
    name: "test",
    imports: [
      "charts/monitoring",
      "client/src",
      "client/src/cli",
      "client/src/tracing",
      "operator/src/api",
      "operator/src/controller",
      "operator/src/kube",
      "operator/src/log.ts",
      "operator/src/messages",
      "operator/src/metrics",
      "operator/src/plan",
      "operator/src/settings.ts",
      "operator/src/status",
      "operator/src/platform/process",
      "proto",
      "replica/src",
    ],
  },
];

interface BannedToken {
  readonly token: RegExp;
  readonly instead: string;
}

const timeAndChance: readonly BannedToken[] = [
  { token: /(?<![.\w$])(?:Date|performance|Temporal)\b/g, instead: "take the time as an argument" },
  { token: /\bMath\s*\.\s*random\b/g, instead: "take `random` as an argument" },
];

/** What the pure folders may not name, with what to do instead. */
export const impureTokens: readonly BannedToken[] = [
  ...timeAndChance,
  { token: /(?<![.\w$])crypto\s*\./g, instead: "take chance and digests as arguments" },
  {
    token: /(?<![.\w$])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/g,
    instead: "count ticks that the caller gives",
  },
  {
    token: /(?<![.\w$])(?:Promise|async|await|Atomics)\b/g,
    instead: "return what there is to do as data and let the runtime wait for it",
  },
  { token: /(?<![.\w$])(?:process|globalThis)\s*\./g, instead: "take settings as arguments" },
  { token: /(?<![.\w$])(?:fetch|require|import)\s*\(/g, instead: "do I/O in the runtime" },
  { token: /(?<![.\w$])console\b/g, instead: "return what there is to say as data" },
];

/**
 * What a simulation runs as it is: time, chance, files and timers are handed in (Clock, Machine). Promises are
 * allowed, they settle by themselves.
 */
export const simulated = {
  places: [
    "replica/src/raft",
    "replica/src/mvcc",
    "replica/src/apply",
    "replica/src/storage",
    "replica/src/runtime",
  ],
  /** What hands in the real ones, and the settings, which are read before anything runs. */
  except: [
    "replica/src/storage/system",
    "replica/src/storage/testing",
    "replica/src/runtime/clock.ts",
    "replica/src/runtime/config.ts",
    "replica/src/runtime/lone-member-harness.ts",
  ],
  tokens: [
    ...timeAndChance,
    {
      token: /(?<![.\w$])(?:setTimeout|setInterval|setImmediate)\b/g,
      instead: "use the clock that is handed in",
    },
    { token: /(?<![.\w$])process\s*\./g, instead: "take it as an argument" },
  ] satisfies BannedToken[],
  modules:
    /^node:(fs|fs\/promises|timers|timers\/promises|child_process|net|http|http2|os|worker_threads|sqlite)$/,
};

/** What a pure folder may import from Node: types of bytes. */
export const pureNodeModules = ["node:buffer"];

/** Begun by something that no import shows: the test runner, a person, another process. */
export const entryPoints: readonly RegExp[] = [
  /\.test\.ts$/,
  /\.bench\.ts$/,
  /(^|\/)vitest\.config\.ts$/,
  /^(test|proto|client|replica|operator|charts)\/scripts\/[^/]+\.ts$/,
  /^(replica|client)\/bench\/[^/]+\.ts$/,
  /^(replica|client|operator)\/bin\/[^/]+\.js$/,
  /^(replica|operator)\/src\/main\.ts$/,
  // Loaded by a browser.
  /^replica\/src\/console\/page\/main\.ts$/,
  // Begun in a process of its own, or preloaded into one.
  /^test\/simulation\/museum\/(run-museum|hunt|mutated-source)\.ts$/,
  /^client\/src\/index\.ts$/,
  /^client\/src\/tracing\/open-telemetry\.ts$/,
  /^test\/simulation\/cli\/(main|worker)\.ts$/,
];

/** Imported by tests alone, and meant to be. */
export const testSupport: readonly RegExp[] = [
  /^test\//,
  /^proto\/src\/gen\//,
  /\/testing\//,
  /\/fake-[^/]+\.ts$/,
  /-harness\.ts$/,
  /^replica\/src\/raft\/(schedule|transcript|solo)[^/]*\.ts$/,
  /^replica\/src\/raft\/memory-storage\.ts$/,
];

export const generated: readonly RegExp[] = [/^proto\/src\/gen\//];

export const fileMaxLines = 400;

/** What a path in the documents may begin with. */
export const documentedFolders: readonly string[] = [
  ".ci",
  "charts",
  "client",
  "docs",
  "operator",
  "proto",
  "replica",
  "test",
];

/** Paths that documents name and that are there only after something ran. */
export const madeByRunning: readonly string[] = ["client/dist"];
