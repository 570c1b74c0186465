import type { ConsoleMember, ConsoleState } from "../console-state.ts";
import { byId, element, setAttributes, setText } from "./dom.ts";
import { bytesText, countText, durationText, latencyText, percentText } from "./format.ts";

interface Row {
  readonly row: HTMLTableRowElement;
  readonly name: HTMLElement;
  readonly note: HTMLElement;
  readonly cells: readonly HTMLElement[];
}

const columns = ["Role", "State", "Applied", "Lag", "Round trip", "Store", "Disk free", "Version"] as const;
const firstNumber = 2;
const lastNumber = 6;

/** The table of members; rows are kept from one look to the next. */
export class MembersTable {
  readonly #body = byId("member-rows");
  readonly #rows = new Map<string, Row>();

  constructor() {
    keepTableRoles(this.#body.closest("table")!);
  }

  show(state: ConsoleState): void {
    const { members } = state;
    for (const [id, { row }] of this.#rows) {
      if (members.some((member) => member.id === id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    members.forEach((member, at) => {
      const row = this.#rows.get(member.id) ?? this.#add(member.id);
      if (this.#body.children[at] !== row.row)
        this.#body.insertBefore(row.row, this.#body.children[at] ?? null);
      fill(row, member, state);
    });
    byId("no-members").hidden = members.length > 0;
    byId("member-rows").closest("table")!.hidden = members.length === 0;
  }

  #add(id: string): Row {
    const name = element("span", { class: "name" });
    const note = element("span", { class: "quiet note" });
    const cells = columns.map((label, at) =>
      element("td", {
        "data-label": label,
        class: at >= firstNumber && at <= lastNumber ? "number" : undefined,
      }),
    );
    const head = element("th", { scope: "row", title: `member ${id}` }, name, note);
    const row = element("tr", {}, head, ...cells);
    keepTableRoles(row);
    const made = { row, name, note, cells };
    this.#rows.set(id, made);
    return made;
  }
}

const tableRoles = [
  ["table", "table"],
  ["thead, tbody", "rowgroup"],
  ["tr", "row"],
  ["th[scope=col]", "columnheader"],
  ["th[scope=row]", "rowheader"],
  ["td", "cell"],
] as const;

/** On a narrow screen the style makes cards of the rows, and browsers then forget that it is a table. */
function keepTableRoles(root: Element): void {
  for (const [selector, role] of tableRoles) {
    for (const part of [root, ...root.querySelectorAll(selector)]) {
      if (part.matches(selector)) part.setAttribute("role", role);
    }
  }
}

function fill({ row, name, note, cells }: Row, member: ConsoleMember, state: ConsoleState): void {
  const { report } = member;
  setText(name, member.name);
  setText(note, member.reach === "self" ? "this replica" : "");
  const { level, text } = memberState(member, state.nowMs);
  const isLeader = member.id === state.store?.leaderId && member.reach !== "silent";
  setAttributes(row, { "data-leader": String(isLeader), "data-silent": String(member.reach === "silent") });
  const share = report === null ? 0 : report.storeBytesUsed / Math.max(1, report.storeBytesQuota);
  const texts = [
    roleText(member, isLeader),
    text,
    report === null ? "–" : countText(report.appliedIndex),
    member.lag === null || member.reach === "silent" ? "–" : countText(member.lag),
    member.roundTripMs === null ? "–" : latencyText(member.roundTripMs),
    report === null ? "–" : `${bytesText(report.storeBytesUsed)} (${percentText(share)})`,
    report === null ? "–" : bytesText(report.diskBytesAvailable),
    report?.version ?? "–",
  ];
  texts.forEach((content, at) => {
    setText(cells[at]!, content);
  });
  setAttributes(cells[0]!, { "data-role": isLeader ? "leader" : "other" });
  setAttributes(cells[1]!, { "data-level": level });
}

/** What it is in the configuration, and what it is at the moment. */
export function roleText({ kind, report, reach }: ConsoleMember, isLeader: boolean): string {
  if (kind === "left") return "left";
  if (isLeader) return kind === "outgoing" ? "leader, leaving" : "leader";
  if (kind === "learner") return "learner";
  const role =
    reach === "silent" || report === null ? "voter" : report.role === "leader" ? "follower" : report.role;
  return kind === "outgoing" ? `${role}, leaving` : role;
}

export function memberState(
  { reach, silentSinceMs, progress, report, lag }: ConsoleMember,
  nowMs: number,
): { level: "ok" | "warn" | "bad" | "unknown"; text: string } {
  if (reach === "unasked") return { level: "unknown", text: "not asked yet" };
  if (reach === "silent") {
    return { level: "bad", text: `no answer for ${durationText(nowMs - (silentSinceMs ?? nowMs))}` };
  }
  if (progress?.state === "snapshot") return { level: "warn", text: "takes in a snapshot" };
  const problems = report?.problems.length ?? 0;
  if (problems > 0) return { level: "warn", text: report!.problems[0]! };
  if ((lag ?? 0) > 1_000) return { level: "warn", text: "catches up" };
  return { level: "ok", text: "up" };
}
