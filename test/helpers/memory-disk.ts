/**
 * A disk in memory that knows what would survive a power loss.
 *
 * Writes land in the "page cache" and are durable once flushed; names are durable once their
 * directory is flushed. `afterPowerLoss` keeps what was flushed and any part of what was not, by
 * sectors, in any order. Operations can be made to fail, to write short and to wait.
 */
import type { LogFile, LogFiles } from '../../src/log/files.ts'

/** Smaller than a disk's, so that a small write can survive in many ways. */
const sectorBytes = 64

interface StoredFile {
  cached: Buffer
  durable: Buffer
  pending: { offset: number; bytes: Buffer }[]
}

export type DiskOperation =
  'list' | 'open' | 'create' | 'remove' | 'read' | 'write' | 'flush' | 'truncate' | 'directory'

export class MemoryDisk implements LogFiles {
  /** Operations so far, in order, each with the path. */
  readonly operations: { kind: DiskOperation; path: string }[] = []
  /** Called before each operation; what it throws is the operation's error. */
  before: (kind: DiskOperation, path: string) => void | Promise<void> = () => {}
  /** Bytes that one write takes of those it is given. */
  writeBytesMax = Infinity

  readonly #files = new Map<string, StoredFile>()
  readonly #durableNames = new Map<string, StoredFile>()

  count(kind: DiskOperation): number {
    return this.operations.filter((operation) => operation.kind === kind).length
  }

  /** Paths of the files, sorted. */
  get paths(): string[] {
    return [...this.#files.keys()].toSorted()
  }

  contents(path: string): Buffer {
    return this.#file(path).cached
  }

  /** A copy of the disk, everything on it flushed. */
  copy(): MemoryDisk {
    const disk = new MemoryDisk()
    for (const [path, file] of this.#files) disk.put(path, file.cached)
    return disk
  }

  put(path: string, bytes: Uint8Array): void {
    const file = { cached: Buffer.from(bytes), durable: Buffer.from(bytes), pending: [] }
    this.#files.set(path, file)
    this.#durableNames.set(path, file)
  }

  /** The disk after a power loss; `random` draws from [0, 1) what of the unflushed is kept. */
  afterPowerLoss(random: () => number): MemoryDisk {
    const disk = new MemoryDisk()
    for (const path of new Set([...this.#files.keys(), ...this.#durableNames.keys()])) {
      const now = this.#files.get(path)
      const before = this.#durableNames.get(path)
      const kept = now === before || random() < 0.5 ? now : before
      if (kept !== undefined) disk.put(path, surviving(kept, random))
    }
    return disk
  }

  async createDirectory(): Promise<void> {}

  async list(dir: string): Promise<string[]> {
    await this.#begin('list', dir)
    return this.paths.map((path) => path.slice(dir.length + 1))
  }

  async open(path: string, mode: 'read' | 'update' | 'create'): Promise<LogFile> {
    await this.#begin(mode === 'create' ? 'create' : 'open', path)
    if (mode === 'create') {
      if (this.#files.has(path)) throw new Error(`EEXIST: ${path}`)
      this.#files.set(path, { cached: Buffer.alloc(0), durable: Buffer.alloc(0), pending: [] })
    }
    return this.#handle(path, this.#file(path))
  }

  async remove(path: string): Promise<void> {
    await this.#begin('remove', path)
    this.#file(path)
    this.#files.delete(path)
  }

  async flushDirectory(dir: string): Promise<void> {
    await this.#begin('directory', dir)
    this.#durableNames.clear()
    for (const [path, file] of this.#files) this.#durableNames.set(path, file)
  }

  #handle(path: string, file: StoredFile): LogFile {
    return {
      size: async () => file.cached.length,
      read: async (target, offset) => {
        await this.#begin('read', path)
        return file.cached.copy(target, 0, offset)
      },
      write: async (chunks, offset) => {
        await this.#begin('write', path)
        const bytes = Buffer.concat(chunks).subarray(0, this.writeBytesMax)
        file.cached = overwritten(file.cached, offset, bytes)
        file.pending.push({ offset, bytes })
        return bytes.length
      },
      flush: async () => {
        // What is flushed is what was written before the call, even if it takes long.
        const { cached, pending } = file
        const flushing = pending.length
        await this.#begin('flush', path)
        file.durable = Buffer.from(cached)
        pending.splice(0, flushing)
      },
      truncate: async (bytes) => {
        await this.#begin('truncate', path)
        file.cached = file.cached.subarray(0, bytes)
        file.durable = Buffer.from(file.cached)
        file.pending = []
      },
      close: async () => {},
    }
  }

  #file(path: string): StoredFile {
    const file = this.#files.get(path)
    if (file === undefined) throw new Error(`ENOENT: ${path}`)
    return file
  }

  async #begin(kind: DiskOperation, path: string): Promise<void> {
    this.operations.push({ kind, path })
    await this.before(kind, path)
  }
}

function overwritten(file: Buffer, offset: number, bytes: Uint8Array): Buffer {
  const result = Buffer.alloc(Math.max(file.length, offset + bytes.length))
  file.copy(result)
  result.set(bytes, offset)
  return result
}

/** What was flushed, and each sector that was not or not. */
function surviving(file: StoredFile, random: () => number): Buffer {
  let bytes: Buffer = file.durable
  for (const write of file.pending) {
    let at = 0
    while (at < write.bytes.length) {
      const offset = write.offset + at
      const end = Math.min(at + sectorBytes - (offset % sectorBytes), write.bytes.length)
      if (random() < 0.5) bytes = overwritten(bytes, offset, write.bytes.subarray(at, end))
      at = end
    }
  }
  return bytes
}
