/**
 * Looks through a log without changing it, damage or not: what is there, and what is wrong.
 *
 * Unlike recovery it does not stop at what it finds. A segment that is damaged is read up to there,
 * and the next one is begun with: each has a snapshot of its own. What a crash may leave, a torn
 * tail of the last group or a last segment that was never finished, is told and is no damage.
 */
import { basename } from 'node:path'
import { reasonOf } from '../base/errors.ts'
import { nodeFiles, readFully, type LogFile } from './files.ts'
import type { LogFormat } from './format.ts'
import { closedKind } from './frame.ts'
import { misplaced } from './recover.ts'
import { isDurable, scanRecords } from './scan.ts'
import {
  crcSeed,
  decodeSegmentHeader,
  parseSegmentName,
  segmentHeaderBytes,
  segmentPath,
  type SegmentHeader,
} from './segment.ts'

/** A place where bytes are not what was written. */
export interface LogDamage {
  /** Name of the segment. */
  readonly file: string
  /** Byte in the file. */
  readonly offset: number
  /** The same place in the log. */
  readonly position: number
  readonly reason: string
}

export interface LogInspection {
  /** 32 hexadecimal digits; null when no header can be read. */
  readonly logId: string | null
  readonly segments: number
  /** Position of the first byte that is there, and the one behind the last whole record. */
  readonly start: number
  readonly end: number
  /** Bytes behind the end that no acknowledgement was given for. */
  readonly tornBytes: number
  readonly damage: readonly LogDamage[]
}

export interface LogInspectOptions {
  readonly dir: string
  readonly format: LogFormat
  /** Takes the records in order, as `LogOptions.take` does. */
  readonly take: (body: Uint8Array) => string | null
  /** Whether all records are read; else only the headers and the last segment, as by a start. */
  readonly isWhole: boolean
}

/** Inspects the log of a directory; one that is missing has no segments. */
export async function inspectLog(options: LogInspectOptions): Promise<LogInspection> {
  const walk = new Walk(options)
  const starts = await startsIn(options)
  for (const [index, start] of starts.entries()) {
    await walk.segment(start, index === starts.length - 1)
  }
  return walk.found(starts)
}

async function startsIn({ dir, format }: LogInspectOptions): Promise<readonly number[]> {
  const names = await nodeFiles.list(dir).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return []
    throw thrown
  })
  const starts = names.map((name) => parseSegmentName(name, format))
  return starts.filter((start) => start !== null).toSorted((a, b) => a - b)
}

class Walk {
  readonly #options: LogInspectOptions
  readonly #damage: LogDamage[] = []
  #logId: string | null = null
  /** Where the next segment must start; null before the first. */
  #next: number | null = null
  #end = 0
  #tornBytes = 0

  constructor(options: LogInspectOptions) {
    this.#options = options
  }

  found(starts: readonly number[]): LogInspection {
    return {
      logId: this.#logId,
      segments: starts.length,
      start: starts[0] ?? 0,
      end: this.#end,
      tornBytes: this.#tornBytes,
      damage: this.#damage,
    }
  }

  async segment(start: number, isLast: boolean): Promise<void> {
    const { dir, format } = this.#options
    if (this.#next !== null && this.#next !== start) {
      this.#report(start, 0, `starts at position ${start}, the one before ends at ${this.#next}`)
    }
    const file = await nodeFiles.open(segmentPath(dir, start, format), 'read')
    try {
      const bytes = await file.size()
      this.#next = start + bytes
      const header = await this.#header(file, { start, bytes, isLast })
      this.#end = start + bytes
      const isRead = isLast || this.#options.isWhole
      if (header !== null && isRead) await this.#records(file, { start, bytes, isLast }, header)
    } finally {
      await file.close()
    }
  }

  async #header(file: LogFile, segment: Extent): Promise<SegmentHeader | null> {
    const { start, bytes, isLast } = segment
    let header: SegmentHeader | null
    try {
      const read = await readFully(file, 0, segmentHeaderBytes)
      header = decodeSegmentHeader(read, this.#options.format)
    } catch (thrown) {
      this.#report(start, 0, reasonOf(thrown))
      return null
    }
    if (header === null) {
      // Nobody relied on one whose header was not on disk.
      const isUnfinished = isLast && bytes <= segmentHeaderBytes
      if (isUnfinished) this.#tornBytes += bytes
      else this.#report(start, 0, 'damaged header')
      return null
    }
    if (header.start !== start) {
      this.#report(start, 16, `says it starts at ${header.start}`)
      return null
    }
    const logId = Buffer.from(header.logId).toString('hex')
    this.#logId ??= logId
    if (this.#logId !== logId) this.#report(start, 32, 'of another log')
    return header
  }

  async #records(file: LogFile, { start, bytes, isLast }: Extent, { logId }: SegmentHeader) {
    const { take } = this.#options
    const seed = crcSeed(logId)
    let end = segmentHeaderBytes
    this.#end = start + end
    let isClosed = false
    for await (const scanned of scanRecords(file, bytes, seed)) {
      const { body } = scanned
      isClosed = body[0] === closedKind
      const wrong = misplaced(body, end === segmentHeaderBytes) ?? (isClosed ? null : take(body))
      if (wrong !== null) {
        this.#report(start, end, wrong)
        return
      }
      end = scanned.end
      this.#end = start + end
    }
    if (end === bytes && end > segmentHeaderBytes) return
    const isTorn = isLast && !isClosed && !(await isDurable(file, { start, bytes, seed }, end))
    if (isTorn) this.#tornBytes += bytes - end
    else this.#report(start, end, 'damaged record')
  }

  #report(start: number, offset: number, reason: string): void {
    const { dir, format } = this.#options
    const file = basename(segmentPath(dir, start, format))
    this.#damage.push({ file, offset, position: start + offset, reason })
  }
}

interface Extent {
  readonly start: number
  readonly bytes: number
  readonly isLast: boolean
}
