import type { SlotAddress } from "@rstore/operator/platform/process/slot-address";
import { type CliIo, defaultEndpoint } from "../context.ts";

const colours = [36, 33, 35, 32, 34, 96, 93, 95, 92];
const red = 31;
const bold = 1;

/** What a local store says to the person in front of it: its own lines, and its replicas' with a prefix. */
export class Voice {
  readonly #io: CliIo;
  readonly #colour: boolean;

  constructor(io: CliIo) {
    this.#io = io;
    this.#colour = io.stdout.isTTY === true && io.env.NO_COLOR === undefined;
  }

  greet(addresses: readonly SlotAddress[], folder: string): void {
    this.#write(`rstore: ${addresses.length} replica${addresses.length === 1 ? "" : "s"}, data in ${folder}`);
    for (const slot of addresses) {
      this.#write(
        `${this.#prefix(slot)} clients ${slot.clientUrl}  members ${slot.peerUrl}  metrics ${slot.metricsUrl}/metrics`,
      );
    }
  }

  ready({ clientUrl, metricsUrl }: SlotAddress, members: number): void {
    const endpoints = clientUrl === defaultEndpoint ? "" : ` --endpoints ${clientUrl}`;
    const lines = [
      "",
      this.#paint(
        bold,
        `rstore is ready: ${members} member${members === 1 ? "" : "s"}. Try in another terminal:`,
      ),
      `  curl -X PUT -d '"hello"' ${clientUrl}/key/greeting`,
      `  npx rstore${endpoints} put greeting hello`,
      `  npx rstore${endpoints} get greeting`,
      `Look at it in a browser: ${metricsUrl}/console`,
      "Ctrl-C ends it; the data stays. Another size: npx rstore local scale 5",
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
    this.#write(this.#paint(red, `rstore | ${text}`));
  }

  #prefix({ slot, name }: SlotAddress): string {
    return this.#paint(colours[slot % colours.length]!, `${name.padEnd(6)} |`);
  }

  #paint(code: number, text: string): string {
    return this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  }

  #write(text: string): void {
    this.#io.stdout.write(`${text}\n`);
  }
}
