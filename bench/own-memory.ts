/**
 * The memory of the process of a bench itself, after a garbage collection.
 */
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface OwnMemory {
  /** Of the heap and of buffers beside it, whether or not they were ever written to. */
  readonly allocatedBytes: number
  /** Pages that no file stands behind; 0 where the system does not tell. */
  readonly residentBytes: number
}

export function ownMemory(): OwnMemory {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  const { heapUsed, external } = process.memoryUsage()
  return { allocatedBytes: heapUsed + external, residentBytes: residentBytes() }
}

function residentBytes(): number {
  try {
    const status = readFileSync('/proc/self/status', 'utf8')
    return Number(/^RssAnon:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}
