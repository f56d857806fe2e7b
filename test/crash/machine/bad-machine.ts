/**
 * All that a daemon stands on and can go wrong: its network, its clock, its disk.
 */
import { join } from 'node:path'
import { Proxy } from '../../helpers/proxy.ts'
import { BadClock } from './bad-clock.ts'
import { BadNetwork } from './bad-network.ts'
import { SmallDisk } from './small-disk.ts'

interface Parts {
  readonly proxy: Proxy
  readonly network: BadNetwork
  readonly clock: BadClock
  readonly disk: SmallDisk
}

export class BadMachine {
  /** What is not here, null when it can be made. */
  static readonly missing = BadNetwork.missing ?? BadClock.missing ?? SmallDisk.missing

  /** Where producers reach the daemon: it knows of frames what the network does not. */
  readonly proxy: Proxy
  readonly network: BadNetwork
  readonly clock: BadClock
  readonly disk: SmallDisk

  /** @param dataDir  Is made; what stands beside it is the machine's, too. */
  static async open(dataDir: string): Promise<BadMachine> {
    const undo: { close: () => Promise<void> }[] = []
    const opened = <T extends { close: () => Promise<void> }>(part: T): T => {
      undo.unshift(part)
      return part
    }
    try {
      const proxy = opened(await Proxy.open())
      const network = opened(await BadNetwork.open())
      const disk = opened(await SmallDisk.open(dataDir))
      const clock = await BadClock.open(join(dataDir, '../clock'))
      return new BadMachine({ proxy, network, clock, disk })
    } catch (thrown) {
      for (const part of undo) await part.close()
      throw thrown
    }
  }

  private constructor({ proxy, network, clock, disk }: Parts) {
    this.proxy = proxy
    this.network = network
    this.clock = clock
    this.disk = disk
  }

  /** For {@link ServedOptions.wrap}. */
  get wrap(): readonly string[] {
    return [...this.network.wrap, ...this.clock.wrap]
  }

  /** For {@link ServedOptions.flags}: nobody else is at the other end of the line. */
  get flags(): readonly string[] {
    return ['--host', this.network.host, '--insecure']
  }

  /** As good as new. */
  async heal(): Promise<void> {
    await Promise.all([this.network.heal(), this.clock.heal(), this.disk.heal()])
    this.proxy.heal()
  }

  async close(): Promise<void> {
    await this.proxy.close()
    await this.network.close()
    await this.disk.close()
  }
}
