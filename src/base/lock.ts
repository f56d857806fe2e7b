/**
 * One process at a time in a directory, with nothing but files: Node has no advisory locks.
 *
 * Locks are numbered, `lock.1`, `lock.2` and so on, and the highest counts: it says which process
 * holds the directory, or nothing when it was released. Who finds it free puts down the next one,
 * which only one of several can do, and looks again: a higher one means that it was asleep while
 * others came and went. The highest is never removed, so no number is ever given twice.
 */
import { link, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { MillraceError } from './errors.ts'

const lockName = /^lock\.([1-9]\d{0,14})$/

/**
 * Takes the directory for this process.
 *
 * @returns lets another process take it.
 * @throws MillraceError `STORE_LOCKED`.
 */
export async function lockDirectory(path: string): Promise<() => Promise<void>> {
  const own = join(path, `lock.${process.pid}-${randomBytes(4).toString('hex')}`)
  const lock = (number: number): string => join(path, `lock.${number}`)
  // A process id comes again, in a container always the same one; with its start it does not.
  await writeFile(own, `${process.pid} ${await startOf(process.pid)}`, { mode: 0o600 })
  try {
    for (;;) {
      const highest = (await numbersIn(path)).at(-1) ?? 0
      const holder = await readFile(lock(highest), 'utf8').catch(() => '')
      const [pid, start] = holder.split(' ')
      if (isAlive(Number(pid)) && (await startOf(Number(pid))) === start) {
        throw new MillraceError('STORE_LOCKED', { pid: Number(pid) })
      }
      const taken = highest + 1
      if (!(await linked(own, lock(taken)))) continue
      const numbers = await numbersIn(path)
      if (numbers.at(-1) !== taken) {
        await rm(lock(taken))
        continue
      }
      for (const number of numbers.slice(0, -1)) await rm(lock(number), { force: true })
      return () => release(path, lock(taken))
    }
  } finally {
    await rm(own, { force: true })
  }
}

/** Replaces the lock by one that names nobody. */
async function release(path: string, lock: string): Promise<void> {
  const free = join(path, `lock.free-${randomBytes(4).toString('hex')}`)
  await (await open(free, 'w', 0o600)).close()
  await rename(free, lock)
}

/** The numbers of the locks that there are, ascending. */
async function numbersIn(path: string): Promise<readonly number[]> {
  const names = await readdir(path)
  const numbers = names.map((name) => Number(lockName.exec(name)?.[1] ?? 0))
  return numbers.filter((number) => number > 0).toSorted((a, b) => a - b)
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
