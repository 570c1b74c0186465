import { RstoreError } from "../errors.ts";

/** What the exit code of `rstore` means; documented in docs/reference/cli.md. */
export const exitCodes = {
  ok: 0,
  error: 1,
  usage: 2,
  keyNotFound: 3,
  notApplied: 4,
  outcomeUnknown: 5,
  unavailable: 6,
} as const;

/** Ends a command with a code and a message for standard error; no message, no line. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message = "", options?: { cause?: unknown }) {
    super(message, options);
    this.name = "CliError";
    this.exitCode = exitCode;
  }
}

export function exitCodeFrom(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (!(error instanceof RstoreError)) return exitCodes.error;
  if (error.outcome === "unknown") return exitCodes.outcomeUnknown;
  switch (error.reason) {
    case "invalid-argument":
      return exitCodes.usage;
    case "unavailable":
    case "no-leader":
    case "not-leader":
    case "no-quorum":
    case "not-ready":
    case "not-initialized":
    case "shutting-down":
    case "member-removed":
    case "deadline-exceeded":
      return exitCodes.unavailable;
    case "internal":
    case "unimplemented":
    case "canceled":
    case "closed":
      return exitCodes.error;
    default:
      return exitCodes.notApplied;
  }
}

const majorityAdvice = "a majority of the voters must be up: see `rstore health` and `rstore status`.";

/** What a person can do about it, where the message does not say so already. */
export function adviceFrom(error: unknown): string | undefined {
  if (!(error instanceof RstoreError)) return undefined;
  switch (error.reason) {
    case "unavailable":
      if (/ENOTFOUND|EAI_AGAIN/.test(error.message)) {
        return "no host of that name was found: give client URLs, such as --endpoints http://127.0.0.1:4001,http://127.0.0.1:4002.";
      }
      return "is a replica running there? Name another with --endpoints, or start a cluster with `npx rstore local up`.";
    case "deadline-exceeded":
      if (error.facts.revision !== undefined) {
        return "nothing was written at that revision yet, or the member that answered is behind: see REVISION in `rstore status`.";
      }
      return majorityAdvice;
    case "no-leader":
    case "no-quorum":
      return majorityAdvice;
    case "not-initialized":
      return "this replica has an empty disk: found a cluster with `rstore bootstrap`, or add it to one with `rstore member add`.";
    case "compare-failed":
      return "nothing was changed.";
    case "internal":
    case "outcome-unknown":
      return error.facts.requestId === undefined
        ? undefined
        : `the logs of the replicas know it as request ${error.facts.requestId}.`;
    case "configuration-mismatch":
      return "nothing was changed: look at `rstore member list` and try again.";
    default:
      return undefined;
  }
}
