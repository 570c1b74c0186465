/** Of a page that is made for whoever asks: less than the second in which anybody asks again. */
const REUSED_MS = 250;

/**
 * What `make` answers, reused while it is made and for a quarter of a second from then on: many who ask at once
 * make no more work than one does. What fails is not kept.
 */
export function reused<T>(make: () => Promise<T>, nowMs = () => performance.now()): () => Promise<T> {
  let made: { readonly answer: Promise<T>; untilMs: number } | undefined;
  return () => {
    if (made !== undefined && nowMs() < made.untilMs) return made.answer;
    const fresh = { answer: make(), untilMs: Number.POSITIVE_INFINITY };
    made = fresh;
    fresh.answer.then(
      () => {
        fresh.untilMs = nowMs() + REUSED_MS;
      },
      () => {
        fresh.untilMs = 0;
      },
    );
    return fresh.answer;
  };
}
