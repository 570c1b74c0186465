/** Time as the transport uses it; the runtime's clock fits, a test hands in its own. */
export interface TransportClock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Calls back after a while, once; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}
