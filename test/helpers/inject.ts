/**
 * Faults in the system calls of a process that runs, by `strace`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

/** Whether a program can be started here. */
export function isThere(program: string): boolean {
  return spawnSync(program, ['--version']).error === undefined
}

export interface Fault {
  /** System calls, with commas between. */
  readonly calls: string
  /** As `strace` has it: `error=EIO`, `delay_enter=1000000` (µs). */
  readonly fault: string
  /** Only calls on these files; all without. */
  readonly files?: readonly string[]
}

/** From now on, system calls of a process fail, or are late. @returns ends it. */
export async function inject(
  t: TestContext,
  pid: number,
  { calls, fault, files = [] }: Fault,
): Promise<() => Promise<void>> {
  const only = files.flatMap((file) => ['-P', file])
  const what = ['-e', `trace=${calls}`, '-e', `inject=${calls}:${fault}`, ...only]
  const strace = spawn('strace', ['-f', '-o', '/dev/null', ...what, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(strace, 'close')
  const end = async (): Promise<void> => {
    strace.kill('SIGKILL')
    await ended
  }
  t.after(end)
  const lines = createInterface(strace.stderr)
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [unknown]
  // It may have ended instead: then this is its exit code.
  if (!String(line).includes('attached')) throw new Error(`strace: ${String(line)}`)
  return end
}
