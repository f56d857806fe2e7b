/**
 * A daemon as a process on a directory of its own, producers on it, and the recount beside them:
 * what every crash run begins with.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomNumbers } from '../helpers/random.ts'
import { root } from '../helpers/repository.ts'
import { Served, type ServedOptions } from '../helpers/served.ts'
import { LiveLoad } from './live.ts'
import { BadMachine } from './machine/bad-machine.ts'
import { SalesOracle } from './oracle.ts'

/** Checkpoints all the time, so that faults fall into them; segments that go soon. */
const flags = ['--checkpoint', '50ms', '--journal-size', '64KiB', '--journal-age', '1ms']

const salesFile = join(root, 'test/fixtures/sales.ts')

export interface SceneOptions {
  readonly seed: number
  readonly producers: number
  /** How the first daemon is started. @defaultValue none */
  readonly wrap?: readonly string[]
  /** How every daemon is. @defaultValue none */
  readonly wrapAll?: readonly string[]
  /** Of every daemon; those of the sales, or more. @defaultValue the sales */
  readonly features?: string
  /** Of every daemon, in place of those that check point all the time. */
  readonly flags?: readonly string[]
  /** On a machine that can be made worse than ours is. @defaultValue false */
  readonly isOnBadMachine?: boolean
}

export class Scene {
  readonly dir: string
  readonly dataDir: string
  readonly random: () => number
  readonly oracle: SalesOracle
  readonly load: LiveLoad
  readonly machine: BadMachine | null
  served: Served
  /** Time of each start after the first, ms. */
  readonly startsMs: number[] = []
  readonly #options: ServedOptions

  static async open(scene: SceneOptions): Promise<Scene> {
    const { seed, producers, flags: own = flags, isOnBadMachine = false } = scene
    const { wrap = [], wrapAll = [], features = salesFile } = scene
    const dir = await mkdtemp(join(tmpdir(), 'millrace-crash-'))
    const dataDir = join(dir, 'data')
    const machine = isOnBadMachine ? await BadMachine.open(dataDir) : null
    const inDir = (words: readonly string[]) => words.map((word) => word.replace('%', dir))
    const around = [...(machine?.wrap ?? []), ...inDir(wrapAll)]
    const allFlags = [...own, ...(machine?.flags ?? [])]
    const options = { features, dataDir, port: 0, flags: allFlags, wrap: around }
    const served = new Served({ ...options, wrap: [...inDir(wrap), ...around] })
    try {
      const url = new URL(await served.url)
      const oracle = await SalesOracle.open()
      // Of its own, so that a seed has the same faults whenever producers draw their events.
      const random = randomNumbers(seed)
      if (machine !== null) machine.proxy.target = url
      const reached = machine === null ? url.origin : `http://127.0.0.1:${machine.proxy.port}`
      const load = new LiveLoad({ url: reached, oracle, random: randomNumbers(~seed), producers })
      const port = Number(url.port)
      return new Scene({ ...options, port }, { dir, served, random, oracle, load, machine })
    } catch (thrown) {
      await served.kill()
      await machine?.close()
      await rm(dir, { recursive: true })
      throw thrown
    }
  }

  private constructor(
    options: ServedOptions,
    parts: Pick<Scene, 'dir' | 'served' | 'random' | 'oracle' | 'load' | 'machine'>,
  ) {
    this.#options = options
    this.dir = parts.dir
    this.dataDir = options.dataDir
    this.served = parts.served
    this.random = parts.random
    this.oracle = parts.oracle
    this.load = parts.load
    this.machine = parts.machine
  }

  get url(): Promise<string> {
    return this.served.url
  }

  /** How a daemon is started here. */
  options(wrap: readonly string[] = []): ServedOptions {
    const own = wrap.map((word) => word.replace('%', this.dir))
    return { ...this.#options, wrap: [...own, ...this.#options.wrap!] }
  }

  /** A new daemon in place of the one that has ended; resolves when it listens. */
  async restart(): Promise<void> {
    this.served = new Served(this.options())
    this.startsMs.push(await this.served.startMs)
  }

  /** A whole number below `count`. */
  draw(count: number): number {
    return Math.floor(this.random() * count)
  }

  async close(): Promise<void> {
    await this.load.close()
    await this.served.kill()
    this.oracle.close()
    await this.machine?.close()
    await rm(this.dir, { recursive: true, force: true })
  }
}
