/**
 * The problems of a features file, gathered so that all of them are told at once.
 */
import { MillraceError, printable } from '../base/errors.ts'
import { siteOf } from './site.ts'

interface Problem {
  readonly path: string
  readonly reason: string
  /** `file:line:column`, or null when it is not known. */
  readonly site: string | null
}

export class Problems {
  readonly #problems: Problem[] = []

  /**
   * @param path  The place within the definitions: `user_clicks.features[2]`.
   * @param sites  Definitions at that place, the most precise first; they name the line.
   */
  add(path: string, reason: string, ...sites: readonly unknown[]): void {
    const site = sites.map((definition) => siteOf(definition)).find((found) => found !== null)
    this.#problems.push({ path, reason, site: site ?? null })
  }

  /** The `Error` of one check as a problem; anything else thrown goes on. */
  caught(thrown: unknown, path: string, ...sites: readonly unknown[]): void {
    if (!(thrown instanceof MillraceError)) throw thrown
    this.add(path, String(thrown.details['reason']), ...sites)
  }

  /** @throws {@link MillraceError} `DEFINITION_INVALID` that lists every problem. */
  throwIfAny(): void {
    const [first] = this.#problems
    if (first === undefined) return
    const lines = this.#problems.map(line)
    const count = lines.length
    throw new MillraceError(
      'DEFINITION_INVALID',
      { path: first.path, reason: first.reason, count },
      { message: count === 1 ? lines[0]! : `${count} problems\n  ${lines.join('\n  ')}` },
    )
  }
}

/** Characters of a reason: it may list all options of a view. */
const reasonLengthMax = 512

function line({ path, reason, site }: Problem): string {
  const shown = printable(reason, reasonLengthMax)
  return `${printable(path)}: ${shown}${site === null ? '' : ` (${site})`}`
}
