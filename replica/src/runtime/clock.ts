/** Time and chance as the runtime uses them; a simulation hands in its own. */
export interface Clock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Wall-clock milliseconds since 1970, for stamps that people read; never for decisions. */
  wallMs(): number;
  /** Calls back after a while, once; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls back once, after the I/O that is ready now has been taken in. */
  soon(callback: () => void): void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (callback) => void setImmediate(callback),
};
