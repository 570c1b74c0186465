import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Cleans up after this process, however it ends. A shell reads what there is to clean up from a pipe; when
 * the pipe closes, it kills those processes by id and removes those
 * namespaces and directories. It checks the command line
 * first, so that an id that was given to another process in between is left alone;
 * processes whose command line names one of those directories are killed too. A replica that is stopped
 * by SIGSTOP would otherwise outlive a test run that was killed.
 */
const script = `
pids=""; dirs=""; namespaces=""
while read -r what value; do
  case "$what" in
    +) pids="$pids $value" ;;
    -) kept=""; for pid in $pids; do [ "$pid" = "$value" ] || kept="$kept $pid"; done; pids="$kept" ;;
    d) dirs="$dirs $value" ;;
    n) namespaces="$namespaces $value" ;;
  esac
done
for pid in $pids; do
  if tr '\\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -q rstore; then kill -9 "$pid" 2>/dev/null; fi
done
for dir in $dirs; do
  for process in /proc/[0-9]*; do
    if tr '\\0' ' ' < "$process/cmdline" 2>/dev/null | grep -qF "$dir"; then kill -9 "\${process#/proc/}" 2>/dev/null; fi
  done
done
for namespace in $namespaces; do ip netns del "$namespace" 2>/dev/null; done
for dir in $dirs; do rm -rf "$dir"; done
`;

let shell: ChildProcess | undefined;

function tell(line: string): void {
  if (shell === undefined) {
    shell = spawn("sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"], detached: true });
    shell.stdin!.on("error", () => {});
    shell.unref();
    (shell.stdin as unknown as { unref(): void }).unref();
  }
  shell.stdin!.write(`${line}\n`);
}

/** The process is killed when this one ends. */
export function watchProcess(pid: number): void {
  tell(`+ ${pid}`);
}

export function forgetProcess(pid: number): void {
  tell(`- ${pid}`);
}

/** The network namespace is deleted when this process ends; deleting it before is no harm. */
export function watchNamespace(name: string): void {
  tell(`n ${name}`);
}

/** An empty directory that is gone when this process ends. Kept when RSTORE_TEST_KEEP is set. */
export function scratchDirectory(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `rstore-test-${name}-`));
  if (process.env.RSTORE_TEST_KEEP === undefined) tell(`d ${path}`);
  return path;
}

export function removeScratch(path: string): void {
  if (process.env.RSTORE_TEST_KEEP === undefined) rmSync(path, { recursive: true, force: true });
}
