/** Where a package may be imported. A place is a folder, or a file's path without its ending. */
export const libraries: readonly { readonly library: RegExp; readonly places: readonly string[] }[] = [
  { library: /^lmdb$/, places: ["replica/src/storage/system", "replica/src/storage/damage.test"] },
  // The lock of a directory that dies with its process.
  {
    library: /^node:sqlite$/,
    places: ["replica/src/storage/system", "operator/src/platform/process/directory-lock"],
  },
  {
    library: /^@connectrpc\//,
    places: ["replica/src/rpc", "replica/src/transport", "client/src", "operator/src/member", "test"],
  },
  {
    library: /^@bufbuild\//,
    places: [
      "proto",
      "replica/src/rpc",
      "replica/src/transport",
      "replica/src/runtime/forwarding-codec",
      "replica/bench",
      "client/src",
      "client/bench",
      "operator/src/member",
      "test",
    ],
  },
  { library: /^prom-client$/, places: ["replica/src/metrics", "operator/src/metrics"] },
  { library: /^@opentelemetry\//, places: ["replica/src/tracing", "client/src/tracing", "test/tracing"] },
  { library: /^pino(-pretty)?$/, places: ["replica/src/log", "operator/src/log"] },
  {
    library: /^commander$/,
    places: [
      "replica/src/main",
      "replica/src/cli",
      "client/src/cli",
      "operator/scripts",
      "operator/src/settings",
      "test/bench",
      "test/scripts",
      "test/simulation/cli",
      "test/simulation/museum",
    ],
  },
  {
    library: /^(zod|yaml)$/,
    places: [
      "charts/monitoring",
      "replica/src/runtime/config",
      "operator/scripts/generate",
      "operator/src/api",
      "operator/src/plan/golden.test",
      "operator/src/platform/process",
      "test/architecture",
      "test/kubernetes/chart-render.kubernetes.test",
      "test/kubernetes/scenarios/rights",
      "test/monitoring",
    ],
  },
  { library: /^@grafana\//, places: ["charts/monitoring/dashboards"] },
  { library: /^(cli-table3|tar-stream)$/, places: ["client/src/cli"] },
  { library: /^@kubernetes\//, places: ["operator/src/kube"] },
  { library: /^@grpc\//, places: ["test"] },
];
