import { createServer } from "node:net";
import { LocalError } from "./local-error.ts";
import { localHost, type SlotAddress } from "./slot-address.ts";

interface NamedPort {
  readonly port: number;
  readonly use: string;
  readonly flag: string;
}

function portsOf({ name, clientPort, peerPort, metricsPort }: SlotAddress): NamedPort[] {
  return [
    { port: clientPort, use: `clients of ${name}`, flag: "--client-port" },
    { port: peerPort, use: `members of ${name}`, flag: "--peer-port" },
    { port: metricsPort, use: `metrics of ${name}`, flag: "--metrics-port" },
  ];
}

/** Fails when two of the ports are the same or one is out of range. */
export function checkPortRanges(slots: readonly SlotAddress[]): void {
  const seen = new Map<number, NamedPort>();
  for (const named of slots.flatMap(portsOf)) {
    const other = seen.get(named.port);
    if (other !== undefined) {
      throw new LocalError(
        `port ${named.port} is meant for ${other.use} and for ${named.use}: choose ${named.flag} further away`,
      );
    }
    if (named.port > 65_535)
      throw new LocalError(`port ${named.port} is too high: choose a lower ${named.flag}`);
    seen.set(named.port, named);
  }
}

/**
 * Fails when a port is taken. With `patienceMs` it waits that long first: replicas of a run that was killed
 * need a moment to end.
 */
export async function checkPortsFree(
  slots: readonly SlotAddress[],
  options: { readonly patienceMs: number; readonly remembered: boolean },
): Promise<void> {
  const deadlineMs = performance.now() + options.patienceMs;
  for (const named of slots.flatMap(portsOf)) {
    while (!(await isFree(named.port))) {
      if (performance.now() < deadlineMs) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      const way = options.remembered
        ? "end that program, or start another cluster in another folder with --data and other ports"
        : `end that program, or choose other ports with ${named.flag} (${named.port + 1_000}, say)`;
      throw new LocalError(`port ${named.port}, for ${named.use}, is taken by another program: ${way}`);
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else if (error.code === "EACCES") resolve(false);
      else reject(error);
    });
    server.listen(port, localHost, () => server.close(() => resolve(true)));
  });
}
