/**
 * The files of an offline log, as their names tell of them.
 */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

export interface Part {
  readonly path: string
  /** Name of the source. */
  readonly source: string
  /** The day of arrival in UTC, `YYYY-MM-DD`. */
  readonly day: string
  /** Events of batches that end behind the first journal position, up to the second. */
  readonly from: number
  readonly to: number
}

const name = /^source=(\w+)[/\\]day=(\d{4}-\d\d-\d\d)[/\\]part-(\d+)-(\d+)\.parquet$/

/** Every file that is whole, in no order; none where there is no log. */
export async function partsIn(dir: string): Promise<readonly Part[]> {
  const paths = await readdir(dir, { recursive: true }).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return []
    throw thrown
  })
  return paths.flatMap((path) => {
    const match = name.exec(path)
    if (match === null) return []
    const [, source, day, from, to] = match
    const range = { from: Number(from), to: Number(to) }
    return [{ path: join(dir, path), source: source!, day: day!, ...range }]
  })
}
