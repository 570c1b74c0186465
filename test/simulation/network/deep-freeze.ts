/** Freezes an object and what it holds, but for the bytes, which cannot be frozen. */
export function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value))
    return;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
}
