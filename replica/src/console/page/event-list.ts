import type { ConsoleEvent } from "../console-state.ts";
import { byId, element } from "./dom.ts";
import { timeText } from "./format.ts";

/** All that a replica keeps. */
const SHOWN_MAX = 450;

export class EventList {
  readonly #list = byId("event-list");

  clear(): void {
    this.#list.replaceChildren();
  }

  /** Oldest first; they are put on top. */
  add(events: readonly ConsoleEvent[]): void {
    for (const event of events) this.#list.prepend(line(event));
    while (this.#list.children.length > SHOWN_MAX) this.#list.lastElementChild?.remove();
    byId("no-events").hidden = this.#list.children.length > 0;
    this.#list.hidden = this.#list.children.length === 0;
  }
}

function line({ atMs, kind, level, text }: ConsoleEvent): HTMLLIElement {
  const moment = new Date(atMs);
  const time = element(
    "time",
    { datetime: moment.toISOString(), title: moment.toLocaleString() },
    timeText(atMs),
  );
  const tag = element("span", { class: "kind", "data-kind": kind }, kind);
  return element("li", { "data-level": level }, time, tag, element("span", { class: "text" }, text));
}
