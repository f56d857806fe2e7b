/**
 * The wall clock of a machine, as a daemon sees it: it jumps when it is told to. Monotonic time
 * goes on, as it would on a machine whose clock was set.
 *
 * @see https://github.com/wolfcw/libfaketime
 */
import { writeFile } from 'node:fs/promises'
import { works } from './command.ts'

/** `$LIB` is put in by the loader. */
const library = '/usr/$LIB/faketime/libfaketimeMT.so.1'

/** Seconds until the daemon has seen that its clock was set. */
const seenSeconds = 1

const preload = `env LD_PRELOAD=${library} FAKETIME_CACHE_DURATION=${seenSeconds}`

export class BadClock {
  /** What is not here, null when it can be made. */
  static readonly missing = works(
    `${preload} FAKETIME=+1d sh -c 'test -z "$(date 2>&1 >/dev/null)"'`,
  )
    ? null
    : 'libfaketime'

  readonly #file: string

  static async open(file: string): Promise<BadClock> {
    const clock = new BadClock(file)
    await clock.heal()
    return clock
  }

  private constructor(file: string) {
    this.#file = file
  }

  /** For {@link ServedOptions.wrap}. */
  get wrap(): readonly string[] {
    const own = ['FAKETIME_DONT_FAKE_MONOTONIC=1', 'NO_FAKE_STAT=1']
    return [...preload.split(' '), `FAKETIME_TIMESTAMP_FILE=${this.#file}`, ...own]
  }

  /** @param offset  From the right time: `+10d`, `-1h`. */
  async jump(offset: string): Promise<void> {
    await writeFile(this.#file, offset)
  }

  async heal(): Promise<void> {
    await this.jump('+0')
  }
}
