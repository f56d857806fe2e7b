/**
 * The files of the offline log that are there, by their names: what `export-range.ts` has made of
 * parts of the journal.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

export interface LogPart {
  readonly path: string
  /** Name of the source. */
  readonly source: string
  /** Of arrival, in UTC: `YYYY-MM-DD`. */
  readonly day: string
  /** Journal positions: its events are of batches that end behind `from`, up to `to`. */
  readonly from: number
  readonly to: number
}

const partPath = /^source=(\w+)[/\\]day=(\d{4}-\d\d-\d\d)[/\\]part-(\d+)-(\d+)\.parquet$/

/**
 * All files that are whole, the oldest day first, and those of a day in the order of their
 * positions; none where there is no log.
 */
export async function listParts(dir: string): Promise<readonly LogPart[]> {
  const names = await readdir(dir, { recursive: true }).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return []
    throw thrown
  })
  const parts = names.flatMap((name): LogPart[] => {
    const [, source, day, from, to] = partPath.exec(name) ?? []
    if (source === undefined) return []
    return [{ path: join(dir, name), source, day: day!, from: Number(from), to: Number(to) }]
  })
  return parts.toSorted(
    (a, b) => order(a.day, b.day) || a.from - b.from || a.to - b.to || order(a.path, b.path),
  )
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
