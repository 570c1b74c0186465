import type { CliIo } from "../cli/context.ts";
import type { ClusterFile } from "./cluster-file.ts";
import { type SlotAddress, slotAddress } from "./slots.ts";

const colours = [36, 33, 35, 32, 34, 96, 93, 95, 92];
const red = 31;
const bold = 1;

/** What a local cluster says to the person in front of it: its own lines, and its replicas' with a prefix. */
export class Voice {
  readonly #io: CliIo;
  readonly #colour: boolean;

  constructor(io: CliIo) {
    this.#io = io;
    this.#colour = io.stdout.isTTY === true && io.env.NO_COLOR === undefined;
  }

  greet(addresses: readonly SlotAddress[], dataDir: string): void {
    this.#write(
      `rstore: ${addresses.length} replica${addresses.length === 1 ? "" : "s"}, data in ${dataDir}`,
    );
    for (const slot of addresses) {
      this.#write(
        `${this.#prefix(slot)} clients ${slot.clientUrl}  members ${slot.peerUrl}  metrics ${slot.metricsUrl}/metrics`,
      );
    }
  }

  ready(file: ClusterFile, members: number, dataDir: string): void {
    const { clientUrl } = slotAddress(1, file, dataDir);
    const endpoints = file.clientPort === 4001 ? "" : ` --endpoints ${clientUrl}`;
    const lines = [
      "",
      this.#paint(
        bold,
        `rstore is ready: ${members} member${members === 1 ? "" : "s"}. Try in another terminal:`,
      ),
      `  curl -X PUT -d '"hello"' ${clientUrl}/key/greeting`,
      `  npx rstore${endpoints} put greeting hello`,
      `  npx rstore${endpoints} get greeting`,
      "Ctrl-C ends it; the data stays.",
      "",
    ];
    this.#write(lines.join("\n"));
  }

  replica(slot: SlotAddress, line: string): void {
    this.#write(`${this.#prefix(slot)} ${line}`);
  }

  say(text: string): void {
    this.#write(`rstore | ${text}`);
  }

  alarm(text: string): void {
    this.#write(this.#paint(red, `rstore | stuck: ${text}`));
  }

  #prefix({ slot, name }: SlotAddress): string {
    return this.#paint(colours[(slot - 1) % colours.length]!, `${name.padEnd(6)} |`);
  }

  #paint(code: number, text: string): string {
    return this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }

  #write(text: string): void {
    this.#io.stdout.write(`${text}\n`);
  }
}
