import type { ConsoleConfiguration, ConsoleState } from "../console-state.ts";
import { changesUnderWay } from "./changes.ts";
import { byId, element } from "./dom.ts";
import { countText, durationText } from "./format.ts";

/** The configuration in force, both halves of a joint one, and what is on its way. */
export class ConfigurationView {
  readonly #body = byId("configuration-body");
  #shown = "";

  show(state: ConsoleState): void {
    const { configuration } = state;
    const changes = changesUnderWay(state);
    const since = configuration === null ? "" : durationText(state.nowMs - configuration.sinceMs);
    const names = state.members.map(({ id, name }) => `${id}=${name}`);
    const wanted = JSON.stringify([configuration, changes, since, names]);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    if (configuration === null) {
      this.#body.replaceChildren(element("p", { class: "quiet" }, "There is none."));
      return;
    }
    const list = element("dl", { class: "facts" }, ...facts(configuration, state, since));
    const title = element("h3", {}, "Under way");
    const underWay =
      changes.length === 0
        ? element("p", { class: "quiet" }, "Nothing.")
        : element("ul", { class: "changes" }, ...changes.map((change) => element("li", {}, change)));
    this.#body.replaceChildren(list, title, underWay);
  }
}

function facts(configuration: ConsoleConfiguration, state: ConsoleState, since: string): Node[] {
  const { voters, outgoing, learners, learnersNext, joint, committed, index } = configuration;
  const made = [
    fact("In force", `index ${countText(index)}, ${committed ? "committed" : "not committed"}, for ${since}`),
  ];
  if (joint) {
    made.push(fact("Voters, coming", members(voters, outgoing, "+", state)));
    made.push(fact("Voters, going", members(outgoing, voters, "−", state)));
  } else {
    made.push(fact("Voters", members(voters, voters, "", state)));
  }
  made.push(fact("Learners", learners.length === 0 ? "none" : members(learners, learners, "", state)));
  if (learnersNext.length > 0)
    made.push(fact("Learners after", members(learnersNext, learnersNext, "", state)));
  return made;
}

function fact(name: string, value: string | Node): Node {
  return element("div", {}, element("dt", {}, name), element("dd", {}, value));
}

/** Those that are not in the other half carry its sign. */
function members(ids: readonly string[], other: readonly string[], sign: string, state: ConsoleState): Node {
  const list = element("ul", { class: "chips" });
  const named = ids.map((id) => ({ id, name: state.members.find((member) => member.id === id)?.name ?? id }));
  named.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  for (const { id, name } of named) {
    const isChange = !other.includes(id);
    list.append(
      element(
        "li",
        { class: isChange ? "chip changing" : "chip", title: `member ${id}` },
        isChange ? `${sign} ${name}` : name,
      ),
    );
  }
  return list;
}
