import type { Collected } from "./collect.ts";

/** What the archive says of itself. */
export function readmeText(
  { asked, membersProblem, files }: Collected,
  madeAt: Date,
  version: string,
): string {
  const missing = asked.filter(({ problem }) => problem !== undefined);
  const lines = [
    `Made by "rstore debug" ${version} at ${madeAt.toISOString()}, for a bug report.`,
    "",
    "There are no keys and no values of the store in it. There are addresses, names and settings of the",
    "replicas: read it before you give it to somebody else.",
    "",
    "members.json             the configuration in force, as the replica that was asked first knows it",
    "replicas/NAME/           of each replica that answered:",
    "  identity.json          what its disk says it is",
    "  status.json            role, indexes, sizes, problems",
    "  settings.json          its settings; what may hold a secret is left out",
    "  process.json           Node.js, memory, the machine",
    "  console.json           what its console shows: members as it sees them, ten minutes of rates, events",
    "  metrics.txt            its metrics, as Prometheus would read them",
    "  log.jsonl              the last 200 lines of its log of level info and above, a JSON object each",
    "local/                   files that `rstore local` keeps beside the data, if there are any",
    "summary.json             who was asked, and what came of it",
    "",
  ];
  if (membersProblem !== undefined) lines.push(`The members are not known: ${membersProblem}`, "");
  for (const { replica, problem } of missing) lines.push(`Missing of ${replica}: ${problem}`);
  if (missing.length > 0) lines.push("");
  lines.push(
    `${files.length} files of ${asked.length} replicas.`,
    "On Kubernetes these belong to a report, too:",
    "  kubectl describe replicatedstore NAME; kubectl get pods,pvc -o wide",
    "  kubectl logs POD; kubectl logs POD --previous; kubectl logs -n rstore-system deploy/rstore",
    "",
  );
  return lines.join("\n");
}
