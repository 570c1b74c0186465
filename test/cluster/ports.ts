import { createServer } from "node:net";

/** Below the range from which the kernel takes the ports of outgoing connections. */
const firstPort = 12_000;
const lastPort = 31_999;

const taken = new Set<number>();

/** A port of the loopback that nobody listens on and that this process has not given out before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort + 1));
    if (taken.has(port)) continue;
    taken.add(port);
    if (await canListen(port)) return port;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
