/**
 * Copies a log that may be written to meanwhile, by another process.
 *
 * Its segments are opened first of all: what is retired later can still be read. A segment that
 * another follows is finished and never changes; of the last one the whole records are copied.
 */
import { join } from 'node:path'
import { createDirectory, flushDirectory } from '../base/directories.ts'
import { wholeEnd } from './extent.ts'
import { nodeFiles, readFully, writeFully, type LogFile } from './files.ts'
import type { LogFormat } from './format.ts'
import { parseSegmentName } from './segment.ts'

/** A log whose segments stay readable. */
export interface HeldLog {
  /**
   * Copies all that was held and what has come since into a directory, which is created; on disk
   * when it resolves.
   *
   * @throws MillraceError the format's `corrupt`, when flushed bytes of the last segment are
   *   damaged; errors of the file system as they are.
   */
  copyTo(dir: string): Promise<void>
  close(): Promise<void>
}

/** Bytes copied at once. */
const copyBytes = 1024 * 1024

/** Holds the log of a directory; one that is missing is empty. */
export async function holdLog(dir: string, format: LogFormat): Promise<HeldLog> {
  const held = new Held(dir, format)
  await held.open()
  return held
}

class Held implements HeldLog {
  readonly #dir: string
  readonly #format: LogFormat
  /** By name. */
  readonly #files = new Map<string, LogFile>()

  constructor(dir: string, format: LogFormat) {
    this.#dir = dir
    this.#format = format
  }

  /** Opens the segments that are not open yet. */
  async open(): Promise<void> {
    for (const name of await this.#names()) {
      if (this.#files.has(name)) continue
      // One that is gone was retired in this moment, and nobody needs it.
      const file = await orNull(nodeFiles.open(join(this.#dir, name), 'read'))
      if (file !== null) this.#files.set(name, file)
    }
  }

  async copyTo(dir: string): Promise<void> {
    await this.open()
    await createDirectory(dir)
    const segments = [...this.#files].toSorted(([a], [b]) => (a < b ? -1 : 1))
    for (const [index, [name, file]] of segments.entries()) {
      const bytes = await file.size()
      const isLast = index === segments.length - 1
      const start = parseSegmentName(name, this.#format)!
      const last = { dir: this.#dir, start, bytes, format: this.#format }
      const end = isLast ? await wholeEnd(file, last) : bytes
      if (end > 0) await copy(file, join(dir, name), end)
    }
    await flushDirectory(dir)
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close()
  }

  async #names(): Promise<readonly string[]> {
    const names = (await orNull(nodeFiles.list(this.#dir))) ?? []
    return names.filter((name) => parseSegmentName(name, this.#format) !== null)
  }
}

async function copy(from: LogFile, path: string, bytes: number): Promise<void> {
  const to = await nodeFiles.open(path, 'create')
  try {
    for (let at = 0; at < bytes; at += copyBytes) {
      const chunk = await readFully(from, at, Math.min(copyBytes, bytes - at))
      await writeFully(to, [chunk], at)
    }
    await to.flush()
  } finally {
    await to.close()
  }
}

/** Null for what there is not. */
async function orNull<T>(opened: Promise<T>): Promise<T | null> {
  try {
    return await opened
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
}
