import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { removeScratch, scratchDirectory } from "../cluster/reaper.ts";

const diskBytes = 256 * 1024 * 1024;

/** What waits for a frozen file system can't be killed. */
const frozenMaxSeconds = 150;

/**
 * Freezes and thaws at a word, thaws after a deadline, and thaws and unmounts when its input ends, however the test
 * does. No command line names the folder: the reaper kills what names one of its folders.
 */
const keeper = `
trap '' PIPE
read -r folder && cd "$folder" || exit
while read -r word; do
  [ "$word" = freeze ] || continue
  fsfreeze --freeze disk || { echo refused; continue; }
  echo frozen
  timeout ${frozenMaxSeconds} head -n 1 >&2
  fsfreeze --unfreeze disk
  echo thawed
done
umount --lazy disk && rm -rf image disk
`;

/** Why there can be none; undefined: there can. */
export async function freezeMissing(): Promise<string | undefined> {
  try {
    const disk = new FreezableDisk();
    await disk.freeze().finally(() => disk.remove());
    return undefined;
  } catch {
    return "A FROZEN DISK IS NOT TRIED: it needs root, mkfs.ext4, a loop device and fsfreeze";
  }
}

/** An ext4 in a file, mounted: while it is frozen, whoever writes to it waits in the kernel. */
export class FreezableDisk {
  readonly #scratch = scratchDirectory("disk");
  readonly #keeper: ChildProcess;
  readonly #answers: Interface;
  #thawed: Promise<unknown> = Promise.resolve();

  constructor() {
    const image = join(this.#scratch, "image");
    writeFileSync(image, "");
    truncateSync(image, diskBytes);
    mkdirSync(this.folder);
    try {
      execFileSync("mkfs.ext4", ["-q", "-F", "-m", "0", image], { stdio: "ignore" });
      execFileSync("mount", ["-o", "loop", image, this.folder], { stdio: "ignore" });
    } catch (error) {
      removeScratch(this.#scratch);
      throw error;
    }
    this.#keeper = spawn("sh", ["-c", keeper], { stdio: ["pipe", "pipe", "ignore"], detached: true });
    this.#answers = createInterface({ input: this.#keeper.stdout! });
    this.#keeper.stdin!.write(`${this.#scratch}\n`);
  }

  get folder(): string {
    return join(this.#scratch, "disk");
  }

  async freeze(): Promise<void> {
    const frozen = this.#says("frozen");
    this.#thawed = this.#says("thawed");
    this.#thawed.catch(() => {});
    this.#keeper.stdin!.write("freeze\n");
    await frozen;
  }

  /** Resolves when it is thawed, also when it was before. */
  async thaw(): Promise<void> {
    this.#keeper.stdin!.write("thaw\n");
    await this.#thawed;
  }

  /** Nothing must use it any more. Thaws it first. */
  async remove(): Promise<void> {
    const ended = once(this.#keeper, "exit");
    this.#keeper.stdin!.end();
    await ended;
    removeScratch(this.#scratch);
  }

  #says(word: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#answers.on("line", (line) => {
        if (line === word) resolve();
        else if (line === "refused") reject(new Error("the disk can't be frozen"));
      });
      this.#answers.once("close", () => reject(new Error(`the disk is not ${word}`)));
    });
  }
}
