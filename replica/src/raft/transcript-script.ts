import { AssertionError, assert } from "../assert.ts";
import { describeMember, describeSnapshot, describeStatus } from "./describe.ts";
import { TranscriptCluster } from "./transcript-cluster.ts";
import type { MemberId, Message, RaftOptions } from "./types.ts";

type Arguments = readonly string[];
type Command = (args: Arguments) => void;

/**
 * Runs the commands of one transcript. A line is `command arguments…`; a word `quiet` at its end keeps all
 * but refusals to itself. Members are small numbers.
 *
 *     cluster voters=1,2,3 [learners=4] [option=value…]   a cluster that is born with these members
 *     blank ID…                         members with empty disks
 *     campaign ID · tick ID|all COUNT · propose ID TEXT · size ID BYTES COUNT · read ID REQUEST
 *     change ID expected=INDEX voters=… [learners=…] · transfer ID TARGET · abort-transfer ID
 *     disconnect ID PEER · forget ID · unreachable ID PEER · snapshot-sent ID PEER ok|failed
 *     ready ID · write ID [all] · apply ID · deliver ID [TYPE…] · stabilize [ID…]
 *     drop FROM|* TO|* [TYPE…] · hold FROM|* TO|* [TYPE…] · release [keep]
 *     cut A B · isolate ID · heal · crash ID · restart ID · snapshot ID · compact ID INDEX
 *     status [ID…]
 */
export class TranscriptScript {
  #cluster = new TranscriptCluster({});
  #lines: string[] = [];
  #isQuiet = false;
  readonly #commands: { readonly [name: string]: Command };

  constructor() {
    this.#commands = {
      cluster: (args) => this.#create(args),
      blank: (args) => this.#blank(args),
      campaign: ([id]) => this.#node(id).campaign(),
      tick: ([ids, count]) => this.#cluster.tick(this.#members([ids]), Number(count)),
      propose: ([id, ...text]) => this.#report(this.#node(id).propose(Buffer.from(text.join(" ")))),
      size: ([id, bytes, count]) => this.#proposeMany(id, Number(bytes), Number(count ?? "1")),
      read: ([id, request]) => this.#node(id).readIndex(BigInt(request ?? "0")),
      change: (args) => this.#change(args),
      transfer: ([id, target]) => this.#report(this.#node(id).transferLeadership(member(target))),
      "abort-transfer": ([id]) => this.#node(id).abortTransfer(),
      disconnect: ([id, peer]) => this.#node(id).peerDisconnected(member(peer)),
      forget: ([id]) => this.#node(id).forgetLeader(),
      unreachable: ([id, peer]) => this.#node(id).peerUnreachable(member(peer)),
      "snapshot-sent": ([id, peer, how]) => this.#node(id).snapshotSent(member(peer), how === "ok"),
      ready: ([id]) => this.#cluster.ready(member(id)),
      write: ([id, all]) => this.#cluster.write(member(id), all === "all"),
      apply: ([id]) => this.#cluster.apply(member(id)),
      deliver: ([id, ...types]) => this.#cluster.deliver(member(id), filterOf("*", "*", types)),
      stabilize: (args) => this.#cluster.stabilize(this.#members(args)),
      drop: ([from, to, ...types]) => this.#cluster.drop(filterOf(from, to, types)),
      hold: ([from, to, ...types]) => this.#cluster.hold(filterOf(from, to, types)),
      release: ([keep]) => this.#cluster.release(keep === "keep"),
      cut: ([a, b]) => this.#cluster.cut(member(a), member(b)),
      isolate: ([id]) => this.#cluster.isolate(member(id)),
      heal: () => this.#cluster.heal(),
      crash: ([id]) => this.#cluster.crash(member(id)),
      restart: ([id]) => this.#cluster.restart(member(id)),
      snapshot: ([id]) => this.#say(describeSnapshot(this.#cluster.storage(member(id)).createSnapshot())),
      compact: ([id, index]) => this.#cluster.storage(member(id)).compact(BigInt(index ?? "0")),
      status: (args) => this.#status(args),
    };
  }

  /** Runs the lines of one block and returns what they said; "ok" if nothing. */
  run(block: string): string {
    this.#lines = [];
    for (const line of block.split("\n")) this.#runLine(line);
    return this.#lines.length === 0 ? "ok" : this.#lines.join("\n");
  }

  #runLine(line: string): void {
    const words = line.split(/\s+/).filter((word) => word !== "");
    const isQuiet = words.at(-1) === "quiet";
    if (isQuiet) words.pop();
    this.#isQuiet = isQuiet;
    const [name, ...args] = words;
    const command = this.#commands[name ?? ""];
    assert(command !== undefined, `no such command: ${line}`);
    this.#cluster.say = isQuiet ? () => {} : (text) => this.#say(text);
    try {
      command(args);
    } catch (error) {
      if (!(error instanceof AssertionError)) throw error;
      this.#say(`assertion: ${error.message}`);
    }
  }

  #say(text: string): void {
    this.#lines.push(text);
  }

  #node(id: string | undefined) {
    return this.#cluster.node(member(id));
  }

  #members(args: readonly (string | undefined)[]): MemberId[] {
    return args.length === 0 || args[0] === "all" ? this.#cluster.ids : args.map(member);
  }

  #blank(args: Arguments): void {
    for (const arg of args) this.#cluster.addBlank(member(arg));
  }

  #create(args: Arguments): void {
    const { voters, learners, ...rest } = named(args);
    const options: Record<string, number | bigint> = {};
    for (const [name, value] of Object.entries(rest)) {
      options[name] = name === "promoteMaxLagEntries" ? BigInt(value) : Number(value);
    }
    this.#cluster = new TranscriptCluster(options as Partial<RaftOptions>);
    this.#cluster.addBorn(list(voters), list(learners));
  }

  #proposeMany(id: string | undefined, bytes: number, count: number): void {
    for (let i = 0; i < count; i++) this.#report(this.#node(id).propose(new Uint8Array(bytes).fill(120)));
  }

  #change([id, ...args]: Arguments): void {
    const { expected, voters, learners } = named(args);
    const target = { voters: list(voters), learners: list(learners), context: new Uint8Array(0) };
    this.#report(this.#node(id).proposeConfiguration(BigInt(expected ?? "0"), target));
  }

  #status(args: Arguments): void {
    for (const id of this.#members(args)) this.#say(describeStatus(this.#cluster.node(id).status()));
  }

  #report(result: { readonly ok: boolean }): void {
    const fields = Object.entries(result).filter(([name]) => name !== "ok" && name !== "reason");
    const text = fields.map(([name, value]) => `${name}=${describeField(name, value)}`);
    const head = "reason" in result ? `refused: ${result.reason}` : "ok";
    if (!(result.ok && this.#isQuiet)) this.#say([head, ...text].join(" "));
  }
}

function describeField(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.map(describeMember).join(",");
  if (name === "leader" || name === "target" || name === "member") return describeMember(value as bigint);
  return String(value);
}

function member(text: string | undefined): MemberId {
  assert(text !== undefined, "which member?");
  return BigInt(text);
}

function list(text: string | undefined): MemberId[] {
  return text === undefined || text === "" ? [] : text.split(",").map(BigInt);
}

function named(args: Arguments): { readonly [name: string]: string } {
  return Object.fromEntries(args.map((arg) => arg.split("=", 2) as [string, string]));
}

function filterOf(from: string | undefined, to: string | undefined, types: Arguments) {
  const matches = (pattern: string | undefined, id: MemberId): boolean =>
    pattern === undefined || pattern === "*" || member(pattern) === id;
  return (message: Message): boolean =>
    matches(from, message.from) &&
    matches(to, message.to) &&
    (types.length === 0 || types.includes(message.type));
}
