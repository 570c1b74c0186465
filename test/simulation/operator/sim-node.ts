import type { NodeState } from "@rstore/operator/plan/observation";

/** A machine that a process, and perhaps its volume, is on. */
export class SimNode {
  readonly name: string;
  #state: NodeState = { state: "ok" };
  #leave: () => void = () => {};

  constructor(name: string) {
    this.name = name;
  }

  get state(): NodeState {
    return this.#state;
  }

  get isOk(): boolean {
    return this.#state.state === "ok";
  }

  /** `leave` ends what being out of reach does to the slot that is on it; called once. */
  becomeUnreachable(since: number, leave: () => void): void {
    this.#state = { state: "unreachable", since };
    this.#leave = leave;
  }

  /** Nothing runs there any more. */
  end(state: "gone" | "out-of-service"): void {
    this.#state = { state };
  }

  comeBack(): void {
    this.#state = { state: "ok" };
    this.left();
  }

  /** The slot that was on it is elsewhere, or it came back. */
  left(): void {
    const leave = this.#leave;
    this.#leave = () => {};
    leave();
  }
}
