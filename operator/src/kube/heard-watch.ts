import { type KubeConfig, Watch } from "@kubernetes/client-node";

export interface WatchHearing {
  /** The API server answered, whatever it said. */
  readonly heard: () => void;
  /** A watch brought something, or was open until its regular end. */
  readonly worked: () => void;
}

/**
 * A watch that tells when the API server is heard of. ListWatch by itself tells of a connection before each attempt,
 * also when nobody is there; and a quiet watch brings nothing for hours, but is answered each time that it is begun.
 */
export class HeardWatch extends Watch {
  readonly #hearing: WatchHearing;

  constructor(config: KubeConfig, hearing: WatchHearing) {
    super(config);
    this.#hearing = hearing;
  }

  override async watch(
    ...[path, query, callback, done]: Parameters<Watch["watch"]>
  ): ReturnType<Watch["watch"]> {
    const { heard, worked } = this.#hearing;
    let isOpen = false;
    let isDone = false;
    const end = (error: unknown): void => {
      isDone = true;
      if (hasStatus(error)) heard();
      if (isOpen && isRegularEnd(error)) worked();
      done(error);
    };
    try {
      const controller = await super.watch(
        path,
        query,
        (...event) => {
          heard();
          worked();
          callback(...event);
        },
        end,
      );
      // What was refused or failed is done by now: it was answered with a 200.
      isOpen = !isDone;
      if (isOpen) heard();
      return controller;
    } catch (error) {
      // No credentials, say: nobody else would see it when a watch is begun again.
      end(error);
      return new AbortController();
    }
  }
}

function hasStatus(error: unknown): boolean {
  return typeof (error as { statusCode?: unknown } | null)?.statusCode === "number";
}

/** The server closed it, or it brought nothing for as long as one is kept. */
function isRegularEnd(error: unknown): boolean {
  return error === null || error === undefined || (error as Error).name === "TimeoutError";
}
