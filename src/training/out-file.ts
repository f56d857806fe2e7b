/**
 * The file that is made, and its manifest beside it.
 *
 * Before anything runs it is looked at whether it can be made, and whether it would take the place
 * of what it is made from. It comes to be under another name, and gets its own when it is whole.
 * The manifest of the file before goes first, and the new one comes last: at no moment is a
 * manifest beside a file of which it does not tell, and a file without one is not yet known.
 */
import { constants } from 'node:fs'
import { access, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, sep } from 'node:path'
import { flushDirectory } from '../base/directories.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'

/** A file that is read, and what it is, for whoever would have it overwritten. */
export interface InputFile {
  readonly file: string
  readonly what: string
}

/** Where the manifest of a file is. */
function manifestFile(out: string): string {
  return `${out}.manifest.json`
}

/** All files that come to be, or go, when `out` is made. */
function touchedBy(out: string): readonly string[] {
  return [out, manifestFile(out)].flatMap((file) => [file, unfinishedFile(file)])
}

function unfinishedFile(file: string): string {
  return `${file}.unfinished`
}

/** @throws {@link MillraceError} `FILE_UNWRITABLE` where no such file can come to be. */
export async function assertWritable(out: string): Promise<void> {
  const folder = dirname(out)
  const found = await stat(folder).catch(() => null)
  if (found === null) throw unwritable(out, `there is no folder ${folder}`)
  if (!found.isDirectory()) throw unwritable(out, `${folder} is no folder`)
  for (const file of touchedBy(out)) {
    const there = await stat(file).catch(() => null)
    if (there?.isDirectory() === true) throw unwritable(file, 'it is a folder')
    if (there?.isFile() === false) throw unwritable(file, 'it is no file')
  }
  await access(folder, constants.W_OK).catch((thrown: unknown) => {
    throw unwritable(out, reasonOf(thrown), thrown)
  })
}

/**
 * @param inputs  Those that are not there are passed over.
 * @param dataDir  A data directory, in which nothing may be changed; null for none.
 * @throws {@link MillraceError} `CONFIG_INVALID` where `out`, its manifest, or what they are called
 *   until they are whole is one of the inputs, under whatever name, or in the data directory.
 */
export async function assertNoInput(
  out: string,
  inputs: readonly InputFile[],
  dataDir: string | null,
): Promise<void> {
  const refused = (reason: string): MillraceError =>
    new MillraceError('CONFIG_INVALID', { path: 'out', reason })
  const touched = new Map<string, string>()
  for (const file of touchedBy(out)) {
    const identity = await identityOf(file)
    if (identity !== null) touched.set(identity, file)
  }
  for (const { file, what } of inputs) {
    const identity = await identityOf(file)
    const same = identity === null ? undefined : touched.get(identity)
    if (same !== undefined) throw refused(`${same} is ${what}, ${file}`)
  }
  if (dataDir === null) return
  const folder = await realpath(dirname(out))
  const inside = await realpath(dataDir)
  if (`${folder}${sep}`.startsWith(`${inside}${sep}`)) {
    throw refused(`${out} is in the data directory ${dataDir}`)
  }
}

/** What a file is by, whatever it is called; null for one that is not there. */
async function identityOf(file: string): Promise<string | null> {
  const found = await stat(file, { bigint: true }).catch(() => null)
  return found === null ? null : `${found.dev} ${found.ino}`
}

/**
 * Makes `out` and its manifest; where something fails, what was there before is still there, or has
 * no manifest. A file without a manifest has none afterwards.
 *
 * @param write  Fills the file that it is given the name of, and returns the manifest.
 * @returns the manifest.
 * @throws {@link MillraceError} `FILE_UNWRITABLE`, and what `write` throws.
 */
export async function makeFile<Manifest extends object | null>(
  out: string,
  write: (unfinished: string) => Promise<Manifest>,
): Promise<Manifest> {
  const folder = dirname(out)
  const manifest = manifestFile(out)
  const [unfinished, unfinishedManifest] = [unfinishedFile(out), unfinishedFile(manifest)]
  try {
    const told = await write(unfinished)
    await flushFile(unfinished)
    if (told !== null) {
      await writeFile(unfinishedManifest, `${JSON.stringify(told, null, 2)}\n`)
      await flushFile(unfinishedManifest)
    }
    await rm(manifest, { force: true })
    await flushDirectory(folder)
    await rename(unfinished, out)
    await flushDirectory(folder)
    if (told === null) return told
    await rename(unfinishedManifest, manifest)
    await flushDirectory(folder)
    return told
  } catch (thrown) {
    const isOfSystem = thrown instanceof Error && 'syscall' in thrown
    throw isOfSystem ? unwritable(out, thrown.message, thrown) : thrown
  } finally {
    await rm(unfinished, { force: true })
    await rm(unfinishedManifest, { force: true })
  }
}

async function flushFile(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function unwritable(file: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('FILE_UNWRITABLE', { file, reason }, { cause })
}
