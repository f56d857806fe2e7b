/**
 * The files of a batch source: found once, so that whatever is asked of them is asked of the same.
 *
 * In: paths and globs. Out: the files that there were, each once, in the order in which their rows
 * come. Whoever has read them asks afterwards whether they are still what they were.
 */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { MillraceError } from '../base/errors.ts'
import { sqlText, type Database } from '../duckdb/database.ts'

export class BatchFiles {
  /** Of the source, for errors. */
  readonly source: string
  /** As they are read: those of an earlier pattern first, those of one by name. */
  readonly names: readonly string[]
  readonly #states: readonly string[]

  /**
   * @param patterns  Paths and globs.
   * @throws {@link MillraceError} `BATCH_FILE` where a pattern finds none.
   */
  static async find(
    database: Database,
    source: string,
    patterns: readonly string[],
  ): Promise<BatchFiles> {
    /** By their absolute paths. */
    const found = new Map<string, string>()
    for (const pattern of patterns) {
      const rows = await database.rows(`SELECT file FROM glob(${sqlText(pattern)}) ORDER BY 1`)
      if (rows.length === 0) throw fileError(source, pattern, 'there is no such file')
      for (const [file] of rows) {
        const name = String(file).replace(/^\.\//, '')
        const path = isRemote(name) ? name : resolve(name)
        if (!found.has(path)) found.set(path, name)
      }
    }
    const names = [...found.values()]
    return new BatchFiles(source, names, await Promise.all(names.map(stateOf)))
  }

  private constructor(source: string, names: readonly string[], states: readonly string[]) {
    this.source = source
    this.names = names
    this.#states = states
  }

  /** @throws {@link MillraceError} `BATCH_FILE` with the first that is gone, or another one now. */
  async assertUnchanged(): Promise<void> {
    const states = await Promise.all(this.names.map(stateOf))
    const place = states.findIndex((state, n) => state !== this.#states[n])
    if (place === -1) return
    const how = states[place] === gone ? 'it is gone' : 'it was changed while it was read'
    throw this.error(this.names[place]!, how)
  }

  /**
   * What a query over some of the files answers.
   *
   * @throws {@link MillraceError} `BATCH_FILE` with the first file of which DuckDB refuses it.
   */
  async ask<T>(
    names: readonly string[],
    query: (files: string) => Promise<T>,
    reasonOf: (reason: string) => string = (reason) => reason,
  ): Promise<T> {
    try {
      return await query(sqlFiles(names))
    } catch (thrown) {
      if (!(thrown instanceof MillraceError) || thrown.code !== 'QUERY_FAILED') throw thrown
      if (names.length === 1) {
        throw this.error(names[0]!, reasonOf(String(thrown.details['reason'])), thrown)
      }
      for (const name of names) await this.ask([name], query, reasonOf)
      throw thrown
    }
  }

  error(file: string, reason: string, cause?: unknown): MillraceError {
    return fileError(this.source, file, reason, cause)
  }

  /** What is wrong with the columns of some files. */
  columnsError(problems: readonly string[]): MillraceError {
    const reason = problems.join('; ')
    return new MillraceError('BATCH_COLUMNS', { source: this.source, reason })
  }
}

/** A list of files as SQL takes it; what would be a pattern in a name is none. */
export function sqlFiles(names: readonly string[]): string {
  return `[${names.map((name) => sqlText(name.replace(/[*?[]/g, '[$&]'))).join(', ')}]`
}

/** Whether it is on another machine, where only DuckDB can read it. */
export function isRemote(file: string): boolean {
  return file.includes('://')
}

/**
 * Names of the columns that stand in the paths of files: `day` of `day=2026-03-01/a.parquet`.
 *
 * @throws {@link MillraceError} `BATCH_COLUMNS` where not all files have the same.
 */
export function folderColumns(files: BatchFiles, hivePartitions: boolean): readonly string[] {
  if (!hivePartitions) return []
  const [first, ...others] = files.names
  const expected = columnsInPath(first!)
  for (const other of others) {
    const columns = columnsInPath(other)
    if (columns.join('/') === expected.join('/')) continue
    const said = `its folders name "${columns.join('", "')}", and "${expected.join('", "')}"`
    throw files.columnsError([`${other}: ${said} those of ${first}`])
  }
  return expected
}

function columnsInPath(file: string): readonly string[] {
  const folders = file.split(/[/\\]/).slice(0, -1)
  return folders.flatMap((folder) => /^([^=]+)=/.exec(folder)?.[1] ?? [])
}

const gone = 'gone'

/** Tells a file from what it was; nothing is known of those that another machine has. */
async function stateOf(file: string): Promise<string> {
  if (isRemote(file)) return ''
  try {
    const { dev, ino, size, mtimeNs } = await stat(file, { bigint: true })
    return [dev, ino, size, mtimeNs].join()
  } catch {
    return gone
  }
}

function fileError(source: string, file: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('BATCH_FILE', { source, file, reason }, { cause })
}
