/**
 * Runs everything that is due without another event, now: promise reactions, `nextTick`, and the report of
 * rejections that nobody handled (`unhandledRejection`, as after each callback of Node's own loop). A simulation
 * step is over only when nothing more can happen, and a turn of Node's loop for each would be most of the time.
 *
 * Does nothing while a promise reaction is running: call it from a callback of the event loop (setImmediate),
 * not after an await; {@link fromEventLoop} takes care of that.
 */
export const drainMicrotasks = (process as unknown as { _tickCallback: () => void })._tickCallback;

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
