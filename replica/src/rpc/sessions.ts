import type { ServerHttp2Session } from "node:http2";
import type { ServerTimeouts } from "./timeouts.ts";

interface SessionState {
  lastStreamMs: number;
}

/** Larger than HTTP/2's 64 KiB, which would stop a connection of many callers at every few batches. */
const connectionWindowBytes = 8 * 1024 * 1024;

/** The HTTP/2 connections: finds dead ones, lets go of idle ones, closes all. */
export class Sessions {
  readonly #timeouts: ServerTimeouts;
  readonly #sessions = new Map<ServerHttp2Session, SessionState>();

  constructor(timeouts: ServerTimeouts) {
    this.#timeouts = timeouts;
  }

  add(session: ServerHttp2Session): void {
    const state = { lastStreamMs: performance.now() };
    this.#sessions.set(session, state);
    session.setLocalWindowSize(connectionWindowBytes);
    session.on("stream", () => {
      state.lastStreamMs = performance.now();
    });
    session.setTimeout(this.#timeouts.pingIntervalMs, () => this.#ping(session));
    session.once("close", () => this.#sessions.delete(session));
    // The connection is gone; its streams hear of it by themselves.
    session.on("error", () => session.destroy());
  }

  /** A quiet connection is asked whether it lives: a caller that vanished keeps its streams open for ever. */
  #ping(session: ServerHttp2Session): void {
    if (session.closed || session.destroyed) return;
    const timer = setTimeout(() => session.destroy(), this.#timeouts.pingTimeoutMs);
    timer.unref();
    try {
      session.ping(() => clearTimeout(timer));
    } catch {
      // Too many pings without an answer.
      clearTimeout(timer);
      session.destroy();
    }
  }

  /** Asks connections that have opened no stream for long to leave; streams that are open go on. */
  sweep(nowMs: number): void {
    for (const [session, state] of this.#sessions) {
      if (nowMs - state.lastStreamMs > this.#timeouts.sessionIdleTimeoutMs && !session.closed)
        session.close();
    }
  }

  /** GOAWAY: no new streams, those under way finish. */
  close(): void {
    for (const session of this.#sessions.keys()) if (!session.closed) session.close();
  }
}
