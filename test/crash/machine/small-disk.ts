/**
 * A disk for the data of one daemon, so small that others can fill it: a file system in memory.
 */
import { mkdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { command, works } from './command.ts'

/** A daemon that checkpoints all the time needs less than a tenth of it. */
const sizeMib = 1024

export class SmallDisk {
  /** What is not here, null when it can be made. */
  static readonly missing = works("unshare -m mount -t tmpfs none '/mnt'")
    ? null
    : 'a right to mount file systems'

  readonly #dir: string

  static async open(dir: string): Promise<SmallDisk> {
    await mkdir(dir)
    await command(`mount -t tmpfs -o size=${sizeMib}m,mode=700 none '${dir}'`)
    return new SmallDisk(dir)
  }

  private constructor(dir: string) {
    this.#dir = dir
  }

  /** Somebody else takes all but so many bytes, at once. */
  async fill(leftBytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#dir)
    await command(`fallocate -l ${bavail * bsize - leftBytes} '${this.#ballast}'`)
  }

  async heal(): Promise<void> {
    await rm(this.#ballast, { force: true })
  }

  async close(): Promise<void> {
    await command(`umount '${this.#dir}'`)
  }

  get #ballast(): string {
    return join(this.#dir, 'ballast')
  }
}
