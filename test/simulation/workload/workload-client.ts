import { FatalError } from "@rstore/replica/errors";
import { ReplicaError } from "@rstore/replica/runtime/replica-api";
import { AttemptError } from "../../../client/src/attempt-error.ts";
import { serverTimeoutMs } from "../../../client/src/lane.ts";
import { decideRetry } from "../../../client/src/retry.ts";
import type { Input, Output } from "../../history/operation.ts";
import type { SimCluster, Slot } from "../cluster/types.ts";
import { clientPlace } from "../network/types.ts";
import type { Random } from "../world/random.ts";
import type { Call } from "./call.ts";
import { type Draw, drawCall } from "./draw-call.ts";
import type { Journal } from "./journal.ts";
import { Knowledge } from "./knowledge.ts";
import { ReplicaChoice } from "./replica-choice.ts";
import { type Answer, serveCall } from "./serve-call.ts";

/** A call's end: a result for each of its operations, and by whom, if anybody answered. */
export interface Ending {
  readonly results: readonly Output[];
  readonly answer: Answer | undefined;
  readonly slot: Slot | undefined;
}

interface ClientParts {
  readonly cluster: SimCluster;
  readonly index: number;
  readonly random: Random;
  readonly journal: Journal;
  readonly isOver: () => boolean;
  /** Begins what is an administrator's; false: there is one at work already. */
  readonly administrate: (draw: Exclude<Draw, Call>) => boolean;
}

/** Replicas at fault, not the cluster: another one may serve (client/src/attempt-error.ts). */
const replicaAtFault = ["not-initialized", "member-removed", "shutting-down", "not-ready"];
/** A client that is in a hurry gives up while its write is under way. */
const HURRY_CHANCE = 0.08;
const READ_ATTEMPT_ELECTIONS = 3;

/** One client: call after call, with pauses, each until it is answered, refused for good, or too late. */
export class WorkloadClient {
  readonly #parts: ClientParts;
  readonly #choice: ReplicaChoice;
  readonly #own = new Knowledge();
  /** A call is under way. */
  isBusy = false;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#choice = new ReplicaChoice(parts.cluster, parts.random);
  }

  start(): void {
    this.#pause();
  }

  #pause(): void {
    const { cluster, random } = this.#parts;
    cluster.world.at(1 + random.exponential(cluster.shape.thinkMeanMs) * 1000, () => this.#next());
  }

  #next(): void {
    const { isOver, administrate } = this.#parts;
    if (isOver()) return;
    const draw = this.#draw();
    if (draw.type === "transfer" || draw.type === "change-membership") {
      administrate(draw);
      this.#pause();
      return;
    }
    this.isBusy = true;
    new CallUnderWay(this.#parts, this.#choice, draw, (ending, invokedUs) => {
      this.isBusy = false;
      this.#record(draw, ending, invokedUs);
      this.#pause();
    }).begin();
  }

  #draw(): Draw {
    const { cluster, index, random, journal } = this.#parts;
    return drawCall({
      random,
      mix: cluster.shape.mix,
      keys: journal.keys,
      client: index,
      own: this.#own,
      shared: journal.shared,
      values: journal.values,
    });
  }

  #record(call: Call, ending: Ending, invokedUs: number): void {
    const { journal, index } = this.#parts;
    const inputs: readonly Input[] = call.type === "write" ? call.inputs : [call.input];
    for (const operation of journal.record(index, { call, inputs, ending, invokedUs })) {
      this.#own.learn(operation);
    }
  }
}

/** One call, from its first attempt to its end. What comes after the end is nobody's business any more. */
class CallUnderWay {
  readonly #parts: ClientParts;
  readonly #choice: ReplicaChoice;
  readonly #call: Call;
  readonly #done: (ending: Ending, invokedUs: number) => void;
  readonly #beganUs: number;
  readonly #deadlineUs: number;
  #attempts = 0;
  #isOver = false;
  /** Some attempt has not been answered: if it was a write, it may yet be applied. */
  #isOpen = false;

  constructor(
    parts: ClientParts,
    choice: ReplicaChoice,
    call: Call,
    done: (ending: Ending, invokedUs: number) => void,
  ) {
    const { world, shape } = parts.cluster;
    this.#parts = parts;
    this.#choice = choice;
    this.#call = call;
    this.#done = done;
    this.#beganUs = world.nowUs;
    const patienceMs = parts.random.chance(HURRY_CHANCE)
      ? parts.random.between(2, shape.electionTimeoutMs)
      : shape.electionTimeoutMs * parts.random.between(3, 12);
    this.#deadlineUs = this.#beganUs + patienceMs * 1000;
  }

  begin(): void {
    const { world } = this.#parts.cluster;
    world.at(this.#deadlineUs - world.nowUs, () => {
      this.#end(this.#failure(this.#isOpen ? "unknown" : "not-applied", "deadline-exceeded"), undefined);
    });
    this.#attempt();
  }

  #attempt(): void {
    if (this.#isOver) return;
    const { cluster, index, journal } = this.#parts;
    const { world, network, shape } = cluster;
    const call = this.#call;
    const anywhere = call.type === "read" && call.input.consistency === "serializable";
    const slot = this.#choice.pick(anywhere);
    const remainingMs = Math.max(1, (this.#deadlineUs - world.nowUs) / 1000);
    const attemptMs =
      call.type === "write"
        ? remainingMs
        : Math.min(remainingMs, shape.electionTimeoutMs * READ_ATTEMPT_ELECTIONS);
    let isLate = false;
    this.#attempts += 1;
    this.#isOpen = true;
    const cancel = world.at(attemptMs * 1000, () => {
      isLate = true;
      const message = `${slot.name} does not answer`;
      this.#failed(slot, new AttemptError("deadline-exceeded", message, { applied: "maybe" }));
    });
    network.call(
      clientPlace(index),
      slot.index,
      () => {
        const context = {
          values: journal.values,
          timeoutMs: serverTimeoutMs(attemptMs),
          look: () => journal.nextOrder(),
        };
        return serveCall(slot, call, context);
      },
      (settled) => {
        cancel();
        if (this.#isOver || isLate) return;
        if (settled.status === "rejected") this.#failed(slot, this.#attemptError(settled.reason));
        else this.#answered(slot, settled.value);
      },
    );
  }

  #answered(slot: Slot, answer: Answer): void {
    this.#choice.succeeded(slot);
    this.#choice.observe(answer.leaderClientUrl, answer.term);
    const errors = answer.results.flatMap((result) => (result instanceof ReplicaError ? [result] : []));
    // A batch is sent again as a whole or not at all: what was applied of it must not be applied twice.
    if (errors.length === answer.results.length && errors.every(({ outcome }) => outcome !== "unknown")) {
      this.#failed(slot, this.#attemptError(errors[0]));
      return;
    }
    const results = answer.results.map((result) =>
      result instanceof ReplicaError ? this.#ended(result) : result,
    );
    this.#end(results, answer, slot);
  }

  /** What the library makes of an error (attemptErrorFromAnswer); one without a detail came from nobody. */
  #attemptError(thrown: unknown): AttemptError {
    if (thrown instanceof ReplicaError) {
      const { leaderClientUrl } = thrown.detail;
      return new AttemptError(thrown.reason, thrown.message, {
        applied: thrown.outcome === "unknown" ? "maybe" : "no",
        endpointFailed: replicaAtFault.includes(thrown.reason),
        facts: leaderClientUrl === undefined || leaderClientUrl === "" ? {} : { leaderClientUrl },
      });
    }
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    const isBug =
      thrown instanceof TypeError || thrown instanceof RangeError || thrown instanceof ReferenceError;
    if (isBug && !(thrown instanceof FatalError)) {
      this.#parts.cluster.world.fail("replica-api", `a call threw ${thrown.stack ?? message}`);
    }
    return new AttemptError("unavailable", message, { applied: "maybe", endpointFailed: true });
  }

  #failed(slot: Slot, error: AttemptError): void {
    if (this.#isOver) return;
    const { cluster, random } = this.#parts;
    const { world } = cluster;
    const write = this.#call.type === "write";
    this.#isOpen = error.applied === "maybe";
    if (error.endpointFailed || error.reason === "deadline-exceeded") this.#choice.failed(slot);
    if (error.facts.leaderClientUrl !== undefined) this.#choice.redirect(error.facts.leaderClientUrl);
    const decision = decideRetry({
      write,
      error,
      attempts: this.#attempts,
      elapsedMs: (world.nowUs - this.#beganUs) / 1000,
      remainingMs: (this.#deadlineUs - world.nowUs) / 1000,
      random: random.fraction(),
    });
    if (decision.type === "retry") {
      world.at(decision.afterMs * 1000, () => this.#attempt());
      return;
    }
    this.#end(this.#failure(decision.error.outcome, decision.error.reason), undefined);
  }

  #ended({ outcome, reason }: ReplicaError): Output {
    return { type: outcome === "unknown" ? "unknown" : "not-applied", reason };
  }

  /** Of all operations of the call. A read without an answer has no effect either way. */
  #failure(outcome: "unknown" | "not-applied", reason: string): Output[] {
    const call = this.#call;
    if (call.type === "read") return [{ type: "not-applied", reason }];
    return call.inputs.map(() => ({ type: outcome, reason }));
  }

  #end(results: readonly Output[], answer: Answer | undefined, slot?: Slot): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#done({ results, answer, slot }, this.#beganUs);
  }
}
