/** What an id may be made of: it is written to logs and headers as it is. */
const form = /^[A-Za-z0-9._:/+=@-]{1,64}$/;

/** An id that a caller sent; undefined: none that is taken. */
export function requestIdFrom(header: unknown): string | undefined {
  return typeof header === "string" && form.test(header) ? header : undefined;
}

/** Makes ids, different ones in every process and at every call. */
export function createRequestIds(random: () => number): () => string {
  let prefix = "";
  let made = 0;
  return () => {
    // Not before it is needed: a simulation that needs none draws nothing.
    if (made === 0) {
      const drawn = Math.floor(random() * 2 ** 40);
      prefix = drawn.toString(16).padStart(10, "0");
    }
    return `${prefix}-${(++made).toString(36)}`;
  };
}
