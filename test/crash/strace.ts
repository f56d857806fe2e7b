/**
 * `strace` around a daemon: system calls that fail, that kill, that are slow, and a log of them.
 *
 * With `-D` it is the daemon that has the process id of the command, and its exit code; whoever
 * waits for the end of its output waits for the end of `strace`, too.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

export const hasStrace = spawnSync('strace', ['-V']).status === 0

/** What is done to calls of a thread. */
export interface Injection {
  readonly call: string
  /** The n-th of its kind; `1+` is every one. */
  readonly when: number | string
  /** `signal=SIGKILL`, `error=EIO`, `delay_enter=1000` (µs), … */
  readonly fault: string
}

function injecting({ call, when, fault }: Injection): readonly string[] {
  return ['-e', `trace=${call}`, '-e', `inject=${call}:${fault}:when=${when}`]
}

/** For {@link ServedOptions.wrap}: from the first call of the process on. */
export function injected(injection: Injection, log: string): readonly string[] {
  // One thread does all that goes to a disk, so that its calls are counted together. A filter in
  // the kernel makes all other calls fast, but does not send signals.
  const fast = injection.fault.startsWith('signal=') ? [] : ['--seccomp-bpf']
  const strace = ['strace', '-D', '-f', '-qq', ...fast, '-ttt', '-o', log]
  return ['env', 'UV_THREADPOOL_SIZE=1', ...strace, ...injecting(injection)]
}

/** On a process that runs: resolves when its calls are counted. It ends with the process. */
export async function inject(
  injection: Injection,
  log: string,
  pid: number,
): Promise<ChildProcess> {
  const args = ['-f', '-ttt', '-o', log, ...injecting(injection), '-p', String(pid)]
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  // It tells of each thread that it has attached.
  await once(strace.stderr, 'data')
  strace.stderr.resume()
  return strace
}

/** The calls of which a power loss is made, and those by which producers hear of their events. */
const logged =
  'openat,pwrite64,pwritev,write,writev,lseek,fdatasync,fsync,' +
  'ftruncate,?rename,?renameat,?renameat2,?unlink,?unlinkat,?mkdir,?mkdirat,?link,?linkat'

/** For {@link ServedOptions.wrap}: writes a log that `trace-log.ts` reads. */
export function traced(log: string, preload: string | null): readonly string[] {
  const variables = preload === null ? [] : ['-E', `LD_PRELOAD=${preload}`]
  const strings = ['-y', '-xx', '-s', '20000000']
  const strace = ['strace', '-D', '-f', '-qq', '--seccomp-bpf', ...strings, '-o', log]
  return [...strace, ...variables, '-e', `trace=${logged}`]
}
