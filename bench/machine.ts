/**
 * What a figure was measured on. Figures of different machines are not compared.
 */
import { spawnSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem, type } from 'node:os'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  readonly node: string
  /** Of the source, with `+` if it was changed since; `unknown` outside a repository. */
  readonly commit: string
  /** Of the last minute before the bench: on an idle machine next to nothing. */
  readonly loadBefore: number
}

export function machineOf(): Machine {
  const cores = cpus()
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    node: process.version,
    commit: commitOf(),
    loadBefore: loadavg()[0]!,
  }
}

/** One line for people. */
export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryBytes, kernel, node, commit, loadBefore } = machine
  const memory = `${Math.round(memoryBytes / 2 ** 30)} GiB`
  const software = `${kernel}, Node ${node}, commit ${commit}`
  return `${cpu}, ${cores} cores, ${memory}, ${software}, load before ${loadBefore.toFixed(1)}`
}

function commitOf(): string {
  const git = (...args: string[]): string | null => {
    const { status, stdout } = spawnSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    })
    return status === 0 ? stdout.trim() : null
  }
  const commit = git('rev-parse', '--short', 'HEAD')
  if (commit === null) return 'unknown'
  const changed = git('status', '--porcelain', '--', ':/src', ':/workers', ':/bench')
  return changed === '' ? commit : `${commit}+`
}
