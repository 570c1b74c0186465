import type { World } from "../world/world.ts";

/**
 * Makes what nobody caught a violation while `body` runs: exceptions of events, and rejections without a
 * handler, which Node reports at the end of the step (see drainMicrotasks). In production either ends the process.
 */
export function watchRejections<T>(world: World, body: () => T): T | undefined {
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (reason) => world.fail("exception", `rejected: ${stackOf(reason)}`));
  try {
    return body();
  } catch (error) {
    world.fail("exception", `thrown: ${stackOf(error)}`);
    return undefined;
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other);
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
