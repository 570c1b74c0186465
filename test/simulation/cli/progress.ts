import type { WriteStream } from "node:tty";

const terminalEveryMs = 200;
const logEveryMs = 15_000;

/** One line that is written over on a terminal, and now and then a line of its own in a log. */
export function createProgress(stream: NodeJS.WriteStream | WriteStream): {
  show(line: string): void;
  clear(): void;
} {
  const isTerminal = stream.isTTY === true;
  let shownMs = performance.now();
  let isShown = false;
  return {
    show(line) {
      if (performance.now() - shownMs < (isTerminal ? terminalEveryMs : logEveryMs)) return;
      shownMs = performance.now();
      stream.write(isTerminal ? `\r\x1b[K${line}` : `${line}\n`);
      isShown = isTerminal;
    },
    clear() {
      if (isShown) stream.write("\r\x1b[K");
      isShown = false;
    },
  };
}
