import { setFlagsFromString } from "node:v8";

/**
 * Runs every promise reaction that is due, now. A simulation step is over only when nothing more can happen
 * without another event, and a turn of Node's own loop for each step would be most of the time.
 *
 * V8 does it only when no promise reaction is running: call it from a callback of the event loop (setImmediate),
 * not after an await; {@link fromEventLoop} takes care of that.
 */
export const drainMicrotasks: () => void = makeDrain();

function makeDrain(): () => void {
  setFlagsFromString("--allow-natives-syntax");
  return new Function("%PerformMicrotaskCheckpoint()") as () => void;
}

/** Runs `task` where `drainMicrotasks` works. */
export function fromEventLoop<T>(task: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        assertDrains();
        resolve(task());
      } catch (error) {
        reject(error);
      }
    });
  });
}

function assertDrains(): void {
  let drained = false;
  void Promise.resolve().then(() => {
    drained = true;
  });
  drainMicrotasks();
  if (!drained) throw new Error("a simulation was begun within a promise reaction: use fromEventLoop");
}
