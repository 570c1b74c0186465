import type { ConsoleState } from "../console-state.ts";
import { countText, listText } from "./format.ts";

/** What is on its way: changes of the configuration, of the leader, and members that catch up. */
export function changesUnderWay({ configuration, members }: ConsoleState): string[] {
  if (configuration === null) return [];
  const name = (id: string): string => members.find((member) => member.id === id)?.name ?? id;
  const changes: string[] = [];
  const { voters, outgoing, learnersNext, joint } = configuration;
  if (joint) {
    const comes = voters.filter((id) => !outgoing.includes(id)).map(name);
    const goes = outgoing.filter((id) => !voters.includes(id) && !learnersNext.includes(id)).map(name);
    const parts = [
      comes.length > 0 ? `${listText(comes)} ${comes.length === 1 ? "gets a vote" : "get votes"}` : "",
      goes.length > 0 ? `${listText(goes)} ${goes.length === 1 ? "leaves" : "leave"}` : "",
      learnersNext.length > 0
        ? `${listText(learnersNext.map(name))} become${learnersNext.length === 1 ? "s a learner" : " learners"}`
        : "",
    ];
    const what = parts.filter((part) => part !== "").join("; ") || "the configuration is left";
    changes.push(
      `Joint consensus: ${what}. Until it is done, every decision needs a majority of both halves.`,
    );
  } else if (!configuration.committed) {
    changes.push(`Configuration ${countText(configuration.index)} waits to be committed.`);
  }
  if (configuration.transferTarget !== null) {
    changes.push(`Leadership is handed to ${name(configuration.transferTarget)}.`);
  }
  for (const member of members) {
    if (member.progress?.state === "snapshot") changes.push(`${member.name} takes in a snapshot.`);
    else if (member.kind === "learner" && member.lag !== null && member.lag > 0) {
      changes.push(`${member.name} catches up: ${countText(member.lag)} entries to go.`);
    }
  }
  return changes;
}
