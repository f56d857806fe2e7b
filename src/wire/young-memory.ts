/**
 * Lets go of what was read from sockets while it is young.
 *
 * Each read comes in a buffer of its own outside of V8's heap, and is of no use any more when its
 * messages have been handled. But few objects are made here, so V8 has little reason to collect the
 * young ones, and counts those buffers as if they were old: each 16 MiB of them cost a full
 * collection, at full rate a fifth of this thread and half a core beside it. To collect the young
 * objects alone, now and then, takes half a millisecond, and there is nothing left to count.
 *
 * Thread: main.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { youngBytesMax } from '../base/limits.ts'

type Collect = (options: { readonly type: 'minor' }) => void

/** Where the runtime does not let it be asked for, nothing is collected early. */
function minorCollector(): Collect | null {
  if (typeof globalThis.gc === 'function') return globalThis.gc as Collect
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext("typeof gc === 'function' ? gc : null")
  setFlagsFromString('--no-expose-gc')
  return collect as Collect | null
}

export class YoungMemory {
  readonly #collect: Collect | null
  #bytes = 0

  constructor(collect = minorCollector()) {
    this.#collect = collect
  }

  /** So many bytes came in, and have been handled. */
  handled(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < youngBytesMax) return
    this.#bytes = 0
    this.#collect?.({ type: 'minor' })
  }
}
