/**
 * The data directory: one process at a time, and the file that says what the store was built for.
 *
 *     <dir>/lock             which process holds the directory
 *     <dir>/store.json       format, shards, hash seed, and the definitions the state belongs to
 *     <dir>/definitions/     compiled features modules
 *     <dir>/journal/         the log (journal/)
 *     <dir>/shards/NNN/      one LMDB environment per shard (persist/shard-store.ts)
 */
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError, reasonOf } from '../base/errors.ts'
import type { HashSeed } from '../base/hash.ts'

/** Format of the directory as a whole; another one is refused. */
export const directoryFormat = 1

/** A view as the store knows it. */
export interface StoredDefinition {
  /** What its keys are stored under; never given to another view. */
  readonly id: number
  /** Journal position from which its events count: where the log ended when it was added. */
  readonly since: number
  /** The definition it was built with; see `define/identity.ts`. */
  readonly canonical: string
}

/** The content of `store.json`. */
export interface Manifest {
  readonly format: number
  readonly shards: number
  readonly seed: HashSeed
  /** The views that keep state. */
  readonly views: Readonly<Record<string, StoredDefinition>>
  /** The next view's id. */
  readonly nextViewId: number
  /** Canonical source by name. */
  readonly sources: Readonly<Record<string, string>>
}

export interface DataDirectory {
  readonly definitionsPath: string
  readonly journalPath: string
  readonly shardsPath: string
  /** Null in a new directory. */
  readonly manifest: Manifest | null
  /** Replaces `store.json`; on disk when it resolves. */
  writeManifest(manifest: Manifest): Promise<void>
  /** Lets another process take the directory. */
  release(): Promise<void>
}

/**
 * Takes a directory for this process, creating it if there is none.
 *
 * @throws MillraceError `STORE_LOCKED`, `STORE_FORMAT`, `STORE_CORRUPT`.
 */
export async function openDirectory(path: string): Promise<DataDirectory> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const lockPath = join(path, 'lock')
  await lock(lockPath)
  const manifestPath = join(path, 'store.json')
  try {
    const manifest = await readManifest(manifestPath)
    const shardsPath = join(path, 'shards')
    await mkdir(shardsPath, { recursive: true, mode: 0o700 })
    return {
      definitionsPath: join(path, 'definitions'),
      journalPath: join(path, 'journal'),
      shardsPath,
      manifest,
      writeManifest: (next) =>
        replaceFile(path, manifestPath, `${JSON.stringify(next, null, 2)}\n`),
      release: () => rm(lockPath, { force: true }),
    }
  } catch (thrown) {
    await rm(lockPath, { force: true })
    throw thrown
  }
}

/** A secret for the hash of a new store. */
export function createSeed(): HashSeed {
  const bytes = randomBytes(8)
  return { k0: bytes.readInt32LE(0), k1: bytes.readInt32LE(4) }
}

async function readManifest(path: string): Promise<Manifest | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
  let manifest: Manifest
  try {
    manifest = JSON.parse(text) as Manifest
  } catch (thrown) {
    throw new MillraceError('STORE_CORRUPT', { file: path, reason: reasonOf(thrown) })
  }
  if (manifest.format !== directoryFormat) {
    const found = String(manifest.format)
    throw new MillraceError('STORE_FORMAT', { found, expected: directoryFormat })
  }
  return manifest
}

/**
 * Puts down a file that says which process holds the directory: its id and when it started, because
 * ids come again, in a container always the same one. It appears whole, and one that a dead process
 * left behind is taken away by one of those that find it.
 */
async function lock(path: string): Promise<void> {
  const own = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  await writeFile(own, `${process.pid} ${await startOf(process.pid)}`, { mode: 0o600 })
  try {
    while (!(await linked(own, path))) {
      const holder = await readFile(path, 'utf8').catch(() => null)
      if (holder === null) continue
      const [pid, start] = holder.split(' ')
      if (isAlive(Number(pid)) && (await startOf(Number(pid))) === start) {
        throw new MillraceError('STORE_LOCKED', { pid: Number(pid) })
      }
      const stale = `${own}.stale`
      await rename(path, stale).catch(() => {})
      // Another process was faster, and this is its file: it gets it back.
      if ((await readFile(stale, 'utf8').catch(() => holder)) !== holder) await linked(stale, path)
      await rm(stale, { force: true })
    }
  } finally {
    await rm(own, { force: true })
  }
}

/** Gives a file a second name; false when there is a file of that name. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw thrown
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** What tells a process from others of the same id, where the system says it: boot and start. */
async function startOf(pid: number): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    // The fields behind the name, which may hold anything; the start is the 22nd of all.
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ')
    return `${boot.trim()}:${fields[19]}`
  } catch {
    return ''
  }
}

/** Replaces a file so that a crash leaves the old one or the new one. */
async function replaceFile(directory: string, path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  await file.writeFile(text)
  await file.sync()
  await file.close()
  await rename(`${path}.new`, path)
  const handle = await open(directory, 'r')
  await handle.sync()
  await handle.close()
}
