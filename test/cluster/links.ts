import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "./ports.ts";

/** One direction of one connection. While it is held, bytes wait and its end is not passed on. */
class Flow {
  readonly from: string;
  readonly to: string;
  readonly #source: Socket;
  readonly #sink: Socket;
  #held = false;

  constructor(from: string, to: string, source: Socket, sink: Socket) {
    this.from = from;
    this.to = to;
    this.#source = source;
    this.#sink = sink;
    source.pipe(sink);
    source.on("error", () => {});
    source.on("close", () => {
      if (!this.#held) this.#sink.destroy();
    });
  }

  hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    if (held) {
      this.#source.unpipe(this.#sink);
      this.#source.pause();
    } else if (this.#source.destroyed) {
      this.#sink.destroy();
    } else {
      this.#source.pipe(this.#sink);
    }
  }

  destroy(): void {
    this.#source.destroy();
    this.#sink.destroy();
  }

  get closed(): boolean {
    return this.#source.destroyed && this.#sink.destroyed;
  }
}

export interface LinkEnd {
  readonly name: string;
  readonly peerPort: number;
  readonly pid: number | undefined;
}

/**
 * Proxies before the peer ports, one for each replica, which cut single directions of single links without
 * root. Peers are told the proxies' addresses; who dials is found by the socket in /proc. A cut link keeps
 * its connections open and passes nothing, as a network does that drops packets; after healing what waited
 * is delivered late, unless the connection was given up.
 */
export class Links {
  readonly #ends = new Map<
    string,
    { readonly end: LinkEnd; readonly server: Server; readonly port: number }
  >();
  readonly #cut = new Set<string>();
  readonly #flows = new Set<Flow>();

  /** Puts a proxy before a replica; resolves to the URL to advertise. */
  async add(end: LinkEnd): Promise<string> {
    const port = await freePort();
    const server = createServer((socket) => this.#accept(socket, end));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", resolve);
    });
    this.#ends.set(end.name, { end, server, port });
    return `http://127.0.0.1:${port}`;
  }

  /** Nothing that `from` sends reaches `to` any more. */
  cut(from: string, to: string): void {
    this.#cut.add(linkName(from, to));
    this.#update();
  }

  /** No link leads from one group to the other, in both directions. */
  partition(group: readonly string[], others: readonly string[]): void {
    for (const a of group) {
      for (const b of others) {
        this.cut(a, b);
        this.cut(b, a);
      }
    }
  }

  isolate(name: string): void {
    this.partition(
      [name],
      [...this.#ends.keys()].filter((other) => other !== name),
    );
  }

  healLink(from: string, to: string): void {
    this.#cut.delete(linkName(from, to));
    this.#update();
  }

  heal(): void {
    this.#cut.clear();
    this.#update();
  }

  /** Resets every connection between peers. */
  reset(): void {
    for (const flow of this.#flows) flow.destroy();
  }

  close(): void {
    for (const { server } of this.#ends.values()) server.close();
    this.reset();
  }

  #update(): void {
    for (const flow of this.#flows) flow.hold(this.#cut.has(linkName(flow.from, flow.to)));
  }

  #accept(inbound: Socket, target: LinkEnd): void {
    const from = this.#dialler(inbound) ?? "outside";
    const outbound = connect({ host: "127.0.0.1", port: target.peerPort, noDelay: true });
    inbound.setNoDelay(true);
    for (const flow of [
      new Flow(from, target.name, inbound, outbound),
      new Flow(target.name, from, outbound, inbound),
    ]) {
      this.#flows.add(flow);
      flow.hold(this.#cut.has(linkName(flow.from, flow.to)));
    }
    const sweep = () => {
      for (const flow of this.#flows) if (flow.closed) this.#flows.delete(flow);
    };
    inbound.on("close", sweep);
    outbound.on("close", sweep);
  }

  /** The replica whose process holds the other end of a connection. */
  #dialler(socket: Socket): string | undefined {
    const inode = inodeOfConnection(socket.remotePort, socket.localPort);
    if (inode === undefined) return undefined;
    for (const { end } of this.#ends.values()) {
      if (end.pid !== undefined && holdsSocket(end.pid, inode)) return end.name;
    }
    return undefined;
  }
}

function linkName(from: string, to: string): string {
  return `${from}>${to}`;
}

/** The inode of the socket on the loopback with this local and this remote port. */
function inodeOfConnection(
  localPort: number | undefined,
  remotePort: number | undefined,
): string | undefined {
  if (localPort === undefined || remotePort === undefined) return undefined;
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");
  const wanted = ` 0100007F:${hex(localPort)} 0100007F:${hex(remotePort)} `;
  const line = readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .find((text) => text.includes(wanted));
  return line?.trim().split(/\s+/)[9];
}

function holdsSocket(pid: number, inode: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => linkTarget(`${folder}/${fd}`) === `socket:[${inode}]`);
  } catch {
    return false;
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
