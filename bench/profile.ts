/**
 * CPU profiles of V8 in a few lines: the functions in which a thread spent its time.
 *
 * Node writes one `.cpuprofile` for each thread. Self time only: what a function did itself, with
 * what the compiler has inlined into it.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The part of a `.cpuprofile` that is read. Times are µs. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: {
      readonly functionName: string
      readonly url: string
      /** From 0; -1 for what has no source. */
      readonly lineNumber: number
    }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

export interface FunctionTime {
  readonly name: string
  readonly selfMs: number
  /** Of the time in which the thread was not idle. */
  readonly share: number
}

export interface ThreadProfile {
  /** Not idle, ms. */
  readonly busyMs: number
  /** By self time, most first. */
  readonly functions: readonly FunctionTime[]
}

export function summarize(profile: CpuProfile): ThreadProfile {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const selfUs = new Map<string, number>()
  // A sample tells where the thread was until the next one.
  for (const [n, id] of profile.samples.entries()) {
    const name = names.get(id)!
    selfUs.set(name, (selfUs.get(name) ?? 0) + (profile.timeDeltas[n + 1] ?? 0))
  }
  selfUs.delete('(idle)')
  selfUs.delete('(root)')
  const busyUs = [...selfUs.values()].reduce((sum, us) => sum + us, 0)
  const functions = [...selfUs]
    .sort((a, b) => b[1] - a[1])
    .map(([name, us]) => ({ name, selfMs: us / 1000, share: us / busyUs }))
  return { busyMs: busyUs / 1000, functions }
}

/** `scan dist/src/route/key-scan.js:71` */
function nameOf({
  functionName,
  url,
  lineNumber,
}: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  const file = url.replace(/^file:\/\//, '').split('/')
  return `${name} ${file.slice(-3).join('/')}:${lineNumber + 1}`
}

/** Each thread's first functions, for people. Threads that did next to nothing are left out. */
export async function profileText(dir: string, count: number): Promise<string> {
  const texts: string[] = []
  for (const file of (await readdir(dir)).sort()) {
    if (!file.endsWith('.cpuprofile')) continue
    const profile = JSON.parse(await readFile(join(dir, file), 'utf8')) as CpuProfile
    const { busyMs, functions } = summarize(profile)
    if (busyMs < 100) continue
    const rows = functions.slice(0, count).map(({ name, selfMs, share }) => {
      const percent = (share * 100).toFixed(1).padStart(5)
      return `  ${percent} %  ${selfMs.toFixed(0).padStart(7)} ms  ${name}`
    })
    texts.push([`${file}: ${busyMs.toFixed(0)} ms busy`, ...rows].join('\n'))
  }
  return texts.join('\n\n')
}
