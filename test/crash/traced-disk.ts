/**
 * What is on a disk when power is lost, after each call of a log.
 *
 * The rules are those of POSIX, not of one file system: bytes are there for sure when a flush of
 * their file has returned that began after their write had; names, when their directory was flushed
 * so. Of all else, each sector and each name may be there or not.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { descriptorOf, lastNumberOf, stringsOf, type Call } from './trace-log.ts'

/** What survives of what was not flushed. */
export type Loss = 'none' | 'random' | 'torn' | 'all'

const sectorBytes = 512

/** A change of a file; bytes at an offset, or without them a new length. */
interface Change {
  readonly at: number
  readonly bytes: Buffer | null
  /** Line at which its call returned. */
  readonly end: number
  /** Whether the call itself has flushed it, and nothing else. */
  readonly isSure: boolean
}

interface TracedFile {
  /** As it is for sure. */
  readonly durable: Contents
  pending: Change[]
}

/** Bytes that grow. */
class Contents {
  #bytes = Buffer.alloc(0)
  #length = 0

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  copy(): Contents {
    const copy = new Contents()
    copy.apply({ at: 0, bytes: this.bytes })
    return copy
  }

  apply({ at, bytes }: Pick<Change, 'at' | 'bytes'>): void {
    const end = bytes === null ? at : at + bytes.length
    if (end > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(end, this.#bytes.length * 2))
      grown.set(this.bytes)
      this.#bytes = grown
    }
    if (bytes === null) {
      this.#bytes.fill(0, at)
      this.#length = at
      return
    }
    this.#bytes.set(bytes, at)
    this.#length = Math.max(this.#length, end)
  }
}

type Names = Map<string, TracedFile | 'directory'>

export class TracedDisk {
  readonly #dir: string
  /** By path. */
  readonly #names: Names = new Map()
  readonly #durable: Names = new Map()
  /** By path: line at which it came or went. */
  readonly #changed = new Map<string, number>()
  /** By descriptor: whether each write is flushed at once, and where the next one goes. */
  readonly #open = new Map<number, { readonly isSynchronous: boolean; position: number }>()

  /** @param dir  The directory that was empty, or was not, when the log began. */
  constructor(dir: string) {
    this.#dir = dir
  }

  apply(call: Call): void {
    const { name, text } = call
    if (name === 'openat') return this.#opened(call)
    if (/^(?:rename|link|unlink|mkdir)(?:at2?)?$/.test(name)) return this.#named(call)
    const descriptor = descriptorOf(text)
    if (descriptor === null || !this.#isInside(descriptor.path)) return
    const { fd, path } = descriptor
    const file = this.#names.get(path)
    const open = this.#open.get(fd)
    if (name === 'fsync' || name === 'fdatasync') return this.#flushed(path, call)
    if (name === 'lseek') {
      if (open !== undefined) open.position = call.result
      return
    }
    if (file === undefined || file === 'directory' || open === undefined) return
    const { end, result } = call
    if (name === 'ftruncate') {
      file.pending.push({ at: lastNumberOf(text), bytes: null, end, isSure: false })
      return
    }
    const isPositioned = name.startsWith('pwrite')
    const at = isPositioned ? lastNumberOf(text) : open.position
    if (!isPositioned) open.position += result
    const bytes = Buffer.concat(stringsOf(text)).subarray(0, result)
    file.pending.push({ at, bytes, end, isSure: open.isSynchronous })
  }

  /** The files that are there for sure, of a folder of the directory. */
  *durableFiles(folder: string): Generator<readonly [name: string, bytes: Buffer]> {
    const parent = join(this.#dir, folder)
    for (const [path, file] of this.#durable) {
      if (dirname(path) === parent && file !== 'directory') {
        yield [relative(parent, path), surviving(file, 'none', () => 0)]
      }
    }
  }

  /** Writes the directory as it is after a power loss now. */
  async writeImage(to: string, loss: Loss, random: () => number): Promise<void> {
    await mkdir(to, { recursive: true })
    const names = new Set([...this.#names.keys(), ...this.#durable.keys()])
    const lost = new Set<string>()
    // Parents come before their children.
    for (const path of [...names].toSorted()) {
      const [now, sure] = [this.#names.get(path), this.#durable.get(path)]
      const isNow = loss === 'all' || (loss !== 'none' && random() < 0.5)
      const entry = isNow ? now : sure
      if (entry === undefined || lost.has(dirname(path))) {
        lost.add(path)
        continue
      }
      const target = join(to, relative(this.#dir, path))
      if (entry === 'directory') await mkdir(target, { recursive: true })
      else await writeFile(target, surviving(entry, loss, random))
    }
  }

  #opened({ text, result, end }: Call): void {
    const path = String(stringsOf(text)[0])
    if (!this.#isInside(path)) return
    const isSynchronous = /\bO_D?SYNC\b/.test(text)
    this.#open.set(result, { isSynchronous, position: 0 })
    if (!text.includes('O_CREAT')) return
    const known = this.#names.get(path)
    if (known === undefined) {
      this.#changed.set(path, end)
      this.#names.set(path, { durable: new Contents(), pending: [] })
    } else if (text.includes('O_TRUNC') && known !== 'directory') {
      known.pending.push({ at: 0, bytes: null, end, isSure: false })
    }
  }

  #named({ name, text, end }: Call): void {
    const [from, to] = stringsOf(text).map(String)
    if (!this.#isInside(from!)) return
    for (const changed of [from, to]) if (changed !== undefined) this.#changed.set(changed, end)
    if (name.startsWith('mkdir')) this.#names.set(from!, 'directory')
    else if (name.startsWith('unlink')) this.#names.delete(from!)
    else {
      this.#names.set(to!, this.#names.get(from!)!)
      if (name.startsWith('rename')) this.#names.delete(from!)
    }
  }

  #flushed(path: string, { begin }: Call): void {
    const file = this.#names.get(path)
    if (file !== undefined && file !== 'directory') {
      this.#flushFile(file, begin)
      return
    }
    for (const known of [this.#names, this.#durable]) {
      for (const name of known.keys()) {
        if (dirname(name) !== path || this.#changed.get(name)! >= begin) continue
        const now = this.#names.get(name)
        if (now === undefined) this.#durable.delete(name)
        else this.#durable.set(name, now)
      }
    }
  }

  #flushFile(file: TracedFile, begin: number): void {
    const flushed = file.pending.filter(({ end }) => end < begin)
    file.pending = file.pending.filter(({ end }) => end >= begin)
    for (const change of flushed) file.durable.apply(change)
  }

  #isInside(path: string): boolean {
    return path.startsWith(`${this.#dir}/`) || path === this.#dir || path === dirname(this.#dir)
  }
}

/** What was flushed, and of what was not, as much as the loss leaves. */
function surviving(file: TracedFile, loss: Loss, random: () => number): Buffer {
  if (file.pending.length === 0) return file.durable.bytes
  const contents = file.durable.copy()
  for (const change of file.pending) {
    const isKept = change.isSure || loss === 'all'
    const { at, bytes } = change
    if (!isKept && loss === 'torn' && bytes !== null) {
      for (let from = 0; from < bytes.length;) {
        const upTo = from + sectorBytes - ((at + from) % sectorBytes)
        const part = bytes.subarray(from, upTo)
        if (random() < 0.5) contents.apply({ at: at + from, bytes: part })
        from = upTo
      }
    } else if (isKept || (loss !== 'none' && random() < 0.5)) contents.apply(change)
  }
  return contents.bytes
}
