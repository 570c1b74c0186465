/** LMDB hands errno through as `code` (those of Linux here), files its name. */
const fullCodes = new Set<unknown>([28, 27, 122, "ENOSPC", "EFBIG", "EDQUOT"]);
const failedCodes = new Set<unknown>([5, "EIO"]);

/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_INVALID: the file is not what LMDB wrote. */
const damageCodes = new Set<unknown>([-30797, -30796, -30793]);

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code;
}

/** It was refused for want of room. */
export function isFull(error: unknown): boolean {
  return fullCodes.has(codeOf(error));
}

export function isDamage(error: unknown): boolean {
  return damageCodes.has(codeOf(error));
}

/** Why the process ends for what the machine refused; undefined when it is no trouble of the disk. */
export function diskReason(error: unknown): "diskFull" | "diskFailed" | undefined {
  if (isFull(error)) return "diskFull";
  return failedCodes.has(codeOf(error)) ? "diskFailed" : undefined;
}
