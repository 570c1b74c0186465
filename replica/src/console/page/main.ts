import type { ConsoleState, HistoryRow } from "../console-state.ts";
import { ConfigurationView } from "./configuration.ts";
import { byId, element, setAttributes, setText } from "./dom.ts";
import { EventList } from "./event-list.ts";
import { bytesText, countText, durationText, timeText } from "./format.ts";
import { judge } from "./health.ts";
import { HistoryView } from "./history-view.ts";
import { MembersTable } from "./members.ts";

const POLL_MS = 1_000;
const ANSWER_MAX_MS = 4_000;
const HISTORY_MS = 600_000;

const members = new MembersTable();
const historyView = new HistoryView();
const configuration = new ConfigurationView();
const events = new EventList();

let cursor = "";
let history: HistoryRow[] = [];
let silentSinceMs: number | undefined;
let heard = { leader: "", headline: "" };
let isAsking = false;
let timer: number | undefined;

async function poll(): Promise<void> {
  clearTimeout(timer);
  if (isAsking) return;
  isAsking = true;
  try {
    const answer = await fetch(`console/state.json?after=${encodeURIComponent(cursor)}`, {
      signal: AbortSignal.timeout(ANSWER_MAX_MS),
      cache: "no-store",
    });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    show((await answer.json()) as ConsoleState);
    silentSinceMs = undefined;
  } catch {
    silentSinceMs ??= Date.now();
  }
  isAsking = false;
  showConnection();
  // A hidden page asks nobody; it catches up when it is looked at again.
  if (!document.hidden) timer = window.setTimeout(poll, POLL_MS);
}

function show(state: ConsoleState): void {
  cursor = state.cursor;
  if (state.full) {
    history = [];
    events.clear();
  }
  history = [...history, ...state.history].filter(([atMs]) => atMs > state.nowMs - HISTORY_MS - POLL_MS);
  members.show(state);
  historyView.show(history, state.nowMs);
  configuration.show(state);
  events.add(state.events);
  showSelf(state);
  showHealth(state);
}

function showSelf({ self, store, nowMs }: ConsoleState): void {
  const name = self.name || self.memberId;
  setText(byId("replica"), name);
  setText(byId("charts-replica"), name);
  const role = byId("role");
  setText(role, self.role);
  setAttributes(role, { "data-role": self.role === "leader" ? "leader" : "other" });
  role.hidden = false;
  document.title = `${name} · ${self.role} · rstore`;
  const parts = [`rstore ${self.version}`, `member ${self.memberId}`, `cluster ${self.clusterId}`];
  parts.push(`up for ${durationText(nowMs - self.startedMs)}`);
  if (store !== null) parts.push(`history from revision ${countText(store.compactedRevision)}`);
  setText(byId("identity"), parts.join(" · "));
}

function showHealth(state: ConsoleState): void {
  const { level, headline, details } = judge(state);
  setAttributes(byId("health"), { "data-level": level });
  setText(byId("headline"), headline);
  setText(byId("details"), details);
  const { store } = state;
  const leader = state.members.find(({ id }) => id === store?.leaderId)?.name;
  const self = state.members.find(({ reach }) => reach === "self")?.report;
  showFigures([
    ["Leader", leader ?? "none"],
    ["Term", store === null ? "–" : countText(store.term)],
    ["Commit index", store === null ? "–" : countText(store.commitIndex)],
    ["Revision", store === null ? "–" : countText(store.revision)],
    ["Keys", store === null ? "–" : countText(store.keys)],
    ["Log", self == null ? "–" : bytesText(self.logBytesUsed)],
  ]);
  announce(leader ?? "none", headline);
}

function showFigures(figures: readonly (readonly [string, string])[]): void {
  const list = byId("figures");
  if (list.children.length === 0) {
    list.append(...figures.map(([name]) => element("div", {}, element("dt", {}, name), element("dd"))));
  }
  figures.forEach(([, value], at) => {
    setText(list.children[at]!.lastElementChild!, value);
  });
}

/** Read out: only who leads and how the store is, and only when that changes. */
function announce(leader: string, headline: string): void {
  const before = heard;
  heard = { leader, headline };
  if (before.headline === "") return;
  const news = [
    leader === before.leader ? "" : leader === "none" ? "No leader is known." : `${leader} leads now.`,
    headline === before.headline ? "" : `${headline}.`,
  ].filter((text) => text !== "");
  if (news.length > 0) byId("announcer").textContent = news.join(" ");
}

function showConnection(): void {
  const connection = byId("connection");
  const lost = silentSinceMs !== undefined;
  setAttributes(connection, { "data-state": lost ? "lost" : "live" });
  setText(connection, lost ? `no answer since ${timeText(silentSinceMs!)}` : "live");
  document.body.classList.toggle("stale", lost);
  if (!lost) return;
  setAttributes(byId("health"), { "data-level": "unknown" });
  const headline = "This replica does not answer";
  setText(byId("headline"), headline);
  setText(byId("details"), "What is below is how it last was. The page goes on asking.");
  announce(heard.leader, headline);
}

// Not every browser lets the keyboard scroll what does not take the focus.
for (const id of ["event-list", "history-scroll"]) byId(id).tabIndex = 0;

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) void poll();
});
void poll();
