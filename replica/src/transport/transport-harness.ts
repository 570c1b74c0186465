import net from "node:net";
import { crc32 } from "node:zlib";
import type { ConnectRouter } from "@connectrpc/connect";
import type { MemberId, Message } from "../raft/types.ts";
import type { TransportClock } from "./clock.ts";
import type { PeerLimits } from "./limits.ts";
import { createPeerServer, type PeerServer } from "./peer-server.ts";
import { type DialSocket, dialTcp } from "./peer-session.ts";
import { createPeerTransport, type LinkedPeerTransport } from "./peer-transport.ts";
import type {
  PeerHandler,
  PeerHello,
  PeerRefusal,
  SnapshotChunk,
  SnapshotOffer,
  SnapshotRequest,
} from "./types.ts";

/** Members with real sockets on loopback, for the tests of this folder. */
export const TEST_CLUSTER = 0xc1n;

export const testClock = {
  nowMs: () => performance.now(),
  after(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A clock that knows the timers that are set and neither fired nor cancelled. */
export function countingClock(): TransportClock & { pending(): number } {
  const pending = new Set<object>();
  return {
    ...testClock,
    pending: () => pending.size,
    after(delayMs, callback) {
      const timer = {};
      pending.add(timer);
      const cancel = testClock.after(delayMs, () => {
        pending.delete(timer);
        callback();
      });
      return () => {
        pending.delete(timer);
        cancel();
      };
    },
  };
}

/** Waits for a condition; fails with what it waited for. */
export async function until(what: string, condition: () => boolean, deadlineMs = 10_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A handler that writes down what it is told. */
export class RecordingHandler implements PeerHandler {
  readonly id: MemberId;
  incarnation = 1n;
  clusterId = TEST_CLUSTER;
  readonly received: Message[] = [];
  readonly hellos: PeerHello[] = [];
  readonly admitted: PeerHello[] = [];
  readonly offers: SnapshotOffer[] = [];
  readonly requests: SnapshotRequest[] = [];
  readonly disconnects: MemberId[] = [];
  readonly unreachables: MemberId[] = [];
  readonly refusals: { peer: MemberId; refusal: PeerRefusal }[] = [];
  readonly fetched: { peer: MemberId; ok: boolean }[] = [];
  refuse: (hello: PeerHello) => PeerRefusal | undefined = () => undefined;
  onReceive: (messages: readonly Message[]) => void = () => {};
  onForwarded: (payload: Uint8Array, deadlineMs: number) => Promise<Uint8Array> = async (payload) => payload;
  onReadSnapshot: (snapshotId: string, offset: number) => AsyncIterable<SnapshotChunk> | undefined = () =>
    undefined;

  constructor(id: MemberId) {
    this.id = id;
  }

  async admit(hello: PeerHello): Promise<PeerRefusal | undefined> {
    const refusal = hello.to === this.id ? this.refuse(hello) : wrongMember(this.id);
    if (refusal === undefined) this.admitted.push(hello);
    return refusal;
  }

  hello(to: MemberId): PeerHello {
    const { id: from, clusterId, incarnation } = this;
    const protocolVersion = 1;
    return {
      clusterId,
      from,
      to,
      incarnation,
      durableTerm: 3n,
      durableLastIndex: 9n,
      protocolVersion,
      peerUrl: "",
    };
  }

  receive(messages: readonly Message[], hello: PeerHello): void {
    this.received.push(...messages);
    this.hellos.push(hello);
    this.onReceive(messages);
  }

  receiveSnapshotRequest(request: SnapshotRequest): void {
    this.requests.push(request);
  }

  receiveSnapshotOffer(offer: SnapshotOffer): void {
    this.offers.push(offer);
  }

  disconnected(peer: MemberId): void {
    this.disconnects.push(peer);
  }

  unreachable(peer: MemberId): void {
    this.unreachables.push(peer);
  }

  refused({ to: peer }: PeerHello, refusal: PeerRefusal): void {
    this.refusals.push({ peer, refusal });
  }

  snapshotFetched(peer: MemberId, ok: boolean): void {
    this.fetched.push({ peer, ok });
  }

  forwarded(payload: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
    return this.onForwarded(payload, deadlineMs);
  }

  readSnapshot(snapshotId: string, offset: number): AsyncIterable<SnapshotChunk> | undefined {
    return this.onReadSnapshot(snapshotId, offset);
  }
}

function wrongMember(memberId: MemberId): PeerRefusal {
  return { reason: "wrong-member", memberId };
}

export interface TestMember {
  readonly handler: RecordingHandler;
  readonly transport: LinkedPeerTransport;
  readonly server: PeerServer;
  readonly url: string;
  close(): Promise<void>;
}

interface TestMemberOptions {
  readonly limits?: Partial<PeerLimits>;
  readonly port?: number;
  readonly incarnation?: bigint;
  readonly dial?: DialSocket;
  /** Of the outgoing side. */
  readonly clock?: TransportClock;
  readonly services?: (router: ConnectRouter) => void;
}

export async function startMember(id: MemberId, options: TestMemberOptions = {}): Promise<TestMember> {
  const { limits = {}, port = 0, incarnation = 1n, dial = dialTcp, services = () => {} } = options;
  const clock = options.clock ?? testClock;
  const handler = new RecordingHandler(id);
  handler.incarnation = incarnation;
  const transport = createPeerTransport({ handler, clock, random: () => 0.5, limits, dial });
  const server = await createPeerServer({
    handler,
    links: transport.links,
    clock: testClock,
    listen: { host: "127.0.0.1", port },
    limits,
    services,
  });
  const close = async (): Promise<void> => {
    await transport.close();
    await server.close(0);
  };
  return { handler, transport, server, url: `http://127.0.0.1:${server.port}`, close };
}

/** Members and proxies of one test, ended together. */
export class TestNetwork {
  #running: { close(): Promise<void> }[] = [];

  async member(id: MemberId, options?: TestMemberOptions): Promise<TestMember> {
    const member = await startMember(id, options);
    this.#running.push(member);
    return member;
  }

  /** A proxy in front of a member. */
  async proxy(member: TestMember): Promise<Proxy> {
    const proxy = await startProxy(member.server.port);
    this.#running.push(proxy);
    return proxy;
  }

  async close(): Promise<void> {
    for (const one of this.#running.splice(0).reverse()) await one.close();
  }
}

/** Makes members each other's peers and waits until both streams are open both ways. */
export async function join(...members: readonly TestMember[]): Promise<void> {
  for (const member of members) {
    const others = members.filter((other) => other !== member);
    member.transport.setPeers(others.map(({ handler, url }) => ({ memberId: handler.id, peerUrl: url })));
  }
  for (const one of members) for (const other of members) if (one !== other) await linked(one, other);
}

/** Dials one way, and waits until both streams are open. */
export async function connect(from: TestMember, to: TestMember, url = to.url): Promise<void> {
  from.transport.setPeers([{ memberId: to.handler.id, peerUrl: url }]);
  await linked(from, to);
}

/** Waits until both streams carry messages, and forgets those that showed it. */
export async function linked(from: TestMember, to: TestMember): Promise<void> {
  const { handler } = to;
  const ids = [from.handler.id, handler.id] as const;
  const isShown = (type: Message["type"]) =>
    handler.received.some((message) => message.type === type && message.from === ids[0]);
  await until(`streams from ${ids[0]} to ${ids[1]}`, () => {
    if (isShown("AppendEntries") && isShown("Heartbeat")) return true;
    from.transport.send([heartbeat(...ids), appendEntries(...ids, [])]);
    return false;
  });
  // Those still under way would be taken for the test's own.
  from.transport.send([heartbeat(...ids, MARK), { ...appendEntries(...ids, []), commit: MARK } as Message]);
  await until("the last of them", () => handler.received.filter(isMark).length === 2);
  handler.received.length = 0;
  handler.hellos.length = 0;
  from.handler.unreachables.length = 0;
}

const MARK = 77_777n;

function isMark(message: Message): boolean {
  return "commit" in message && message.commit === MARK;
}

/** A proxy between members that can misbehave. */
export interface Proxy {
  readonly url: string;
  readonly connections: number;
  /** Bytes a second from the dialler to the target for each connection; undefined: no limit. */
  bytesPerSecond: number | undefined;
  /** Changes bytes on their way to the target. */
  corrupt: ((chunk: Buffer) => Buffer) | undefined;
  /** Takes everything in and passes nothing on, in both directions; not even that an end is gone. */
  swallow: boolean;
  target: number;
  /** Cuts every connection: "reset" sends RST, "close" FIN. */
  cut(how: "reset" | "close"): void;
  close(): Promise<void>;
}

export async function startProxy(targetPort: number): Promise<Proxy> {
  const pairs = new Set<readonly [net.Socket, net.Socket]>();
  const server = net.createServer({ noDelay: true }, (from) => {
    const to = net.connect({ host: "127.0.0.1", port: proxy.target, noDelay: true });
    const pair = [from, to] as const;
    pairs.add(pair);
    for (const [socket, other] of [pair, [to, from] as const]) {
      socket.on("error", () => {});
      socket.on("close", () => {
        if (!proxy.swallow) other.destroy();
        if (other.destroyed) pairs.delete(pair);
      });
    }
    from.on("data", (chunk) => {
      if (proxy.swallow) return;
      to.write(proxy.corrupt?.(Buffer.from(chunk)) ?? chunk);
      if (proxy.bytesPerSecond === undefined) return;
      from.pause();
      setTimeout(() => from.resume(), (chunk.length * 1_000) / proxy.bytesPerSecond);
    });
    to.on("data", (chunk) => {
      if (!proxy.swallow) from.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: Proxy = {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    get connections() {
      return pairs.size;
    },
    bytesPerSecond: undefined,
    corrupt: undefined,
    swallow: false,
    target: targetPort,
    cut(how) {
      for (const pair of pairs)
        for (const socket of pair) how === "reset" ? socket.resetAndDestroy() : socket.end();
    },
    async close() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

export function heartbeat(from: MemberId, to: MemberId, commit = 1n): Message {
  return { type: "Heartbeat", from, to, term: 3n, commit, readSequence: 0n };
}

export function appendEntries(from: MemberId, to: MemberId, sizes: readonly number[], first = 1n): Message {
  const entries = sizes.map((size, index) => ({
    term: 3n,
    index: first + BigInt(index),
    type: "normal" as const,
    data: new Uint8Array(size).fill(index + 1),
  }));
  return {
    type: "AppendEntries",
    from,
    to,
    term: 3n,
    previousIndex: first - 1n,
    previousTerm: 2n,
    entries,
    commit: 0n,
  };
}

/** Chunks of a file from an offset, as the storage hands them out. */
export async function* chunksOf(
  file: Uint8Array,
  offset: number,
  chunkBytes: number,
): AsyncGenerator<SnapshotChunk> {
  for (let start = offset; start < file.length; start += chunkBytes) {
    const data = file.subarray(start, start + chunkBytes);
    yield { offset: start, data, checksum: crc32(data) };
  }
}
