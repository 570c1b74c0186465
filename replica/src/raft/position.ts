/** The lower of two positions; Math.min does not take a bigint. */
export function lower(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

/** The higher of two positions. */
export function higher(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}
