import type { ConsoleMember, ConsoleState } from "../console-state.ts";
import { countText, listText } from "./format.ts";

export interface Verdict {
  readonly level: "ok" | "warn" | "bad" | "unknown";
  readonly headline: string;
  readonly details: string;
}

/** From here on a member counts as behind. */
const LAG_MAX_ENTRIES = 10_000;

/** How the store is, as far as the replica that serves the page can see. */
export function judge(state: ConsoleState): Verdict {
  return unserving(state) ?? quorumTrouble(state) ?? smallerTrouble(state) ?? healthy(state);
}

function unserving({ self, configuration }: ConsoleState): Verdict | undefined {
  const why = self.notReady.join("; ");
  switch (self.role) {
    case "starting":
      return { level: "unknown", headline: "Starting", details: `This replica is ${why}.` };
    case "uninitialized":
      return {
        level: "unknown",
        headline: "Blank",
        details: "This replica belongs to no cluster: found one on it, or add it to one.",
      };
    case "removed":
      return { level: "unknown", headline: "Removed", details: "This replica was removed from its cluster." };
    default:
      return configuration === null
        ? {
            level: "warn",
            headline: "Not serving",
            details: sentence(why || "it is no member at the moment"),
          }
        : undefined;
  }
}

function quorumTrouble({ store, members, configuration }: ConsoleState): Verdict | undefined {
  const short = halves(configuration).filter((half) => upIn(half, members).length < majority(half));
  if (short.length > 0) {
    const silent = members.filter(({ reach }) => reach === "silent").map(({ name }) => name);
    const who = silent.length === 0 ? "" : `${listText(silent)} ${does(silent)} not answer. `;
    return {
      level: "bad",
      headline: "No majority",
      details: `${who}Writes and linearizable reads wait until a majority of the voters answers.`,
    };
  }
  if (store?.leaderId == null) {
    return {
      level: "bad",
      headline: "No leader",
      details: "A majority of the voters answers and elects one; writes and linearizable reads wait for it.",
    };
  }
  return undefined;
}

function smallerTrouble(state: ConsoleState): Verdict | undefined {
  const { members, self } = state;
  const silent = members.filter(({ reach, kind }) => reach === "silent" && kind !== "left");
  const behind = members.filter(({ lag, kind }) => (lag ?? 0) > LAG_MAX_ENTRIES && kind !== "left");
  const problems = new Set([
    ...self.notReady.map((problem) => `${self.name}: ${problem}`),
    ...members.flatMap(({ name, report, reach }) =>
      reach === "silent" ? [] : (report?.problems ?? []).map((problem) => `${name}: ${problem}`),
    ),
  ]);
  const spare = tolerated(state);
  const after = `${spare === 0 ? "One more loss stops writes" : `Writes survive the loss of ${spare} more`}.`;
  if (silent.length > 0) {
    const names = silent.map(({ name }) => name);
    return {
      level: "warn",
      headline: `${listText(names)} ${does(names)} not answer`,
      details: `${leads(state)} ${after}`,
    };
  }
  if (problems.size > 0) {
    return { level: "warn", headline: "Needs attention", details: `${[...problems].join("; ")}.` };
  }
  if (behind.length > 0) {
    const lags = behind.map(({ name, lag }) => `${name} by ${countText(lag ?? 0)} entries`);
    return { level: "warn", headline: "Catching up", details: `Behind: ${listText(lags)}. ${leads(state)}` };
  }
  return undefined;
}

function healthy(state: ConsoleState): Verdict {
  const { members, configuration } = state;
  const voters = members.filter(({ kind }) => kind === "voter");
  const up = voters.filter(isUp).length;
  const spare = tolerated(state);
  const survives =
    spare === 0 ? "No voter may fail" : spare === 1 ? "Any one may fail" : `Any ${spare} may fail`;
  const changing = configuration?.joint === true || configuration?.committed === false;
  return {
    level: "ok",
    headline: changing ? "Healthy, membership is changing" : "Healthy",
    details: `${up} of ${voters.length} voter${voters.length === 1 ? " answers" : "s answer"}. ${leads(state)} ${survives}.`,
  };
}

/** How many more voters may be lost before there is no majority, of the half that has the fewest to spare. */
export function tolerated({ configuration, members }: ConsoleState): number {
  const spare = halves(configuration).map((half) => upIn(half, members).length - majority(half));
  return Math.max(0, Math.min(...spare));
}

function halves(configuration: ConsoleState["configuration"]): (readonly string[])[] {
  if (configuration === null) return [];
  return configuration.joint ? [configuration.voters, configuration.outgoing] : [configuration.voters];
}

function majority(voters: readonly string[]): number {
  return Math.floor(voters.length / 2) + 1;
}

function upIn(half: readonly string[], members: readonly ConsoleMember[]): ConsoleMember[] {
  return members.filter((member) => half.includes(member.id) && isUp(member));
}

/** Who was not asked yet is given the benefit of the doubt. */
function isUp({ reach }: ConsoleMember): boolean {
  return reach !== "silent";
}

function leads({ store, members }: ConsoleState): string {
  const leader = members.find(({ id }) => id === store?.leaderId);
  return `${leader?.name ?? "A member that is not listed"} leads in term ${store?.term ?? 0}.`;
}

function does(names: readonly string[]): string {
  return names.length === 1 ? "does" : "do";
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
