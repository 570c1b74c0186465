/**
 * A name that came from a replica, as a file or folder within the archive: it can't lead anywhere else, and is
 * bounded.
 */
export function safeName(name: string, fallback: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 100);
  return /^[._]*$/.test(safe) ? fallback : safe;
}
