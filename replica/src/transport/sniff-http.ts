import type { Socket } from "node:net";

/** What every HTTP/2 connection with prior knowledge begins with (RFC 9113 §3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0");

/**
 * Tells by its first bytes which HTTP a connection speaks, and gives them back to the socket. They tell after
 * the first byte or two, unless it is the preface.
 */
export function sniffHttp(socket: Socket, sniffed: (protocol: "h1" | "h2") => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const ignore = () => {};
  const read = (): void => {
    for (;;) {
      const chunk: Buffer | null = socket.read();
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const length = Math.min(seen.length, PREFACE.length);
      const matches = PREFACE.compare(seen, 0, length, 0, length) === 0;
      if (matches && length < PREFACE.length) continue;
      socket.off("readable", read);
      socket.off("error", ignore);
      socket.unshift(seen);
      sniffed(matches ? "h2" : "h1");
      return;
    }
  };
  socket.on("error", ignore);
  socket.on("readable", read);
}
