/**
 * Verification: the journal is counted again, from its beginning, and what comes of it is compared
 * with what the daemon serves meanwhile. Where the beginning is gone, the offline log takes its
 * place.
 *
 * A read sees all that was decided before it, and may see some of what came while it was under way.
 * So the daemon tells between which two positions of the journal an answer lies, and it has to be
 * what the keys come to at one of the batches between them. What differs is asked once more alone,
 * before it is believed.
 *
 * In a process of its own, with memory for the keys that are verified.
 */
import type { HashSeed } from '../base/hash.ts'
import { readKeysMax } from '../base/limits.ts'
import { replay } from '../journal/replay.ts'
import { nodeFiles } from '../log/files.ts'
import type { LogExtent } from '../log/log.ts'
import type { Catalog, View } from '../model/catalog.ts'
import type { CertifiedView, Difference, VerifyRequest } from '../model/certificate.ts'
import type { ViewHistory } from '../model/history.ts'
import { decodeKeyValues } from '../model/key.ts'
import { Answer, type AskedKey, type Served } from './answer.ts'
import { Coverage } from './coverage.ts'
import { explain } from './explain.ts'
import type { CountedBatch, LoggedPast } from './logged-past.ts'
import { readLogged } from './read-logged.ts'
import { KeySample, nameOf } from './sample-keys.ts'
import { Shadow } from './shadow.ts'

/** Asks the daemon for all features of a view; `rows[n]` is of `keys[n]`. */
export type Ask = (
  view: string,
  keys: readonly Readonly<Record<string, unknown>>[],
) => Promise<Served>

export interface VerifyTask extends VerifyRequest {
  readonly journal: LogExtent
  readonly past: LoggedPast
  /** The secret of the store. */
  readonly storeSeed: HashSeed
  readonly viewsSince: readonly number[]
  readonly histories: readonly (ViewHistory | null)[]
  /** Places of views that are being backfilled, which are left out. */
  readonly open: readonly number[]
}

/** What a verification has found. */
export interface Verified {
  readonly views: readonly CertifiedView[]
  readonly difference: Difference | null
  readonly to: number
  /** Events that were counted again, and those of them that the offline log has. */
  readonly events: number
  readonly loggedEvents: number
}

/** Differences that are asked once more; more than that are not by chance. */
const askedAgainMax = 10

export async function verify(catalog: Catalog, task: VerifyTask, ask: Ask): Promise<Verified> {
  return new Verification(catalog, task, ask).run()
}

class Verification {
  readonly #catalog: Catalog
  readonly #task: VerifyTask
  readonly #ask: Ask
  readonly #coverage: Coverage
  readonly #events = { events: 0, loggedEvents: 0 }

  constructor(catalog: Catalog, task: VerifyTask, ask: Ask) {
    this.#catalog = catalog
    this.#task = task
    this.#ask = ask
    this.#coverage = new Coverage(task.past)
  }

  async run(): Promise<Verified> {
    const sample = await this.#sample()
    const answers: Answer[] = []
    for (const view of this.#verified) {
      const keys = sample.keysOf(view.route).slice(0, this.#task.keysMax)
      for (let at = 0; at < keys.length; at += readKeysMax) {
        answers.push(await this.#answer(view.index, keys.slice(at, at + readKeysMax)))
      }
    }
    await this.#compare(answers, keysBy(this.#catalog, sample))
    for (const answer of answers) if (answer.isLimited) answer.excuse()
    const difference = await this.#difference(answers)
    const views = this.#verified.map(({ index, name, route }): CertifiedView => {
      const own = answers.filter(({ view }) => view.index === index)
      const sum = (of: (answer: Answer) => number) => own.reduce((all, one) => all + of(one), 0)
      const keys = sum(({ asked }) => asked.length)
      return {
        view: name,
        keys,
        isSample: sample.keysOf(route).length > keys,
        equal: sum(({ equal }) => equal),
        different: sum(({ different }) => different),
        uncertified: sum(({ uncertified }) => uncertified),
        completeFrom: keys === 0 ? null : timeOf(this.#fromMs(index)),
      }
    })
    const to = Math.max(this.#task.journal.segments[0]!.start, ...answers.map(({ after }) => after))
    return { views, difference, to, ...this.#events }
  }

  get #verified(): readonly View[] {
    const { open } = this.#task
    return this.#catalog.views.filter(({ online, index }) => online && !open.includes(index))
  }

  async #sample(): Promise<KeySample> {
    const { journal, keysMax, seed } = this.#task
    // One more than asked for tells whether there are more.
    const sample = new KeySample(this.#catalog, { keysMax: keysMax + 1, seed })
    for await (const batch of this.#read(journal)) {
      this.#coverage.add(batch)
      this.#events.events += batch.count
      if (batch.sequences !== null) this.#events.loggedEvents += batch.count
      sample.add(batch)
    }
    return sample
  }

  async #answer(view: number, keys: readonly Uint8Array[]): Promise<Answer> {
    const { name, joinKeys } = this.#catalog.views[view]!
    const asked = keys.map((key): AskedKey => {
      const values = decodeKeyValues(joinKeys, key)
      return {
        key,
        values: Object.fromEntries(joinKeys.map((field, n) => [field.name, values[n]!])),
      }
    })
    const served = await this.#ask(
      name,
      asked.map(({ values }) => values),
    )
    return new Answer(this.#catalog.views[view]!, asked, served, this.#fromMs(view))
  }

  /** Event time behind which a view has every event. */
  #fromMs(view: number): number {
    const { viewsSince, histories } = this.#task
    const source = this.#catalog.sources[this.#catalog.views[view]!.source]!
    return this.#coverage.fromMs(source, viewsSince[view]!, histories[view] ?? null)
  }

  /** Counts the journal again, and looks at each answer between its positions. */
  async #compare(
    answers: readonly Answer[],
    wanted: readonly ReadonlySet<string>[],
  ): Promise<void> {
    const newest = answers.at(-1)
    if (newest === undefined) return
    const shadow = this.#shadow(newest, (route, key) => wanted[route]!.has(nameOf(key)))
    const pending = new Set(answers)
    for await (const batch of this.#read(newest.journal)) {
      for (const answer of pending) {
        // What it comes to before this batch, and before each one until it is past.
        if (answer.before < batch.position) answer.compare(shadow)
        if (answer.isDone || answer.after < batch.position) pending.delete(answer)
      }
      if (pending.size === 0) return
      shadow.apply(batch)
    }
    for (const answer of pending) answer.compare(shadow)
  }

  /** The first value that differs when it is asked for alone, too. */
  async #difference(answers: readonly Answer[]): Promise<Difference | null> {
    let left = askedAgainMax
    for (const answer of answers) {
      for (const { key } of answer.unequalKeys) {
        if (left === 0) return null
        left -= 1
        const again = await this.#answer(answer.view.index, [key])
        const { route } = answer.view
        await this.#compare(
          [again],
          this.#catalog.routes.map(({ index }) => new Set(index === route ? [nameOf(key)] : [])),
        )
        if (again.isLimited) {
          answer.excuse()
          break
        }
        if (again.different === 0) answer.settle(key)
        else {
          const isIt = (of: number, one: Uint8Array): boolean =>
            of === route && nameOf(one) === nameOf(key)
          const shadow = this.#shadow(again, isIt)
          return explain(this.#catalog, again, shadow, (producers) =>
            this.#read(again.journal, producers),
          )
        }
      }
    }
    return null
  }

  #shadow({ quarantined }: Answer, isWanted: (route: number, key: Uint8Array) => boolean): Shadow {
    const { storeSeed: seed, viewsSince, histories } = this.#task
    const same = { seed, viewsSince, histories, quarantined }
    return new Shadow({ catalog: this.#catalog, ...same, isWanted })
  }

  /** What the offline log has of the time before the journal, then the journal. */
  async *#read(
    journal: LogExtent,
    producers = new Map<number, string>(),
  ): AsyncGenerator<CountedBatch, void> {
    const { past } = this.#task
    yield* readLogged(this.#catalog, past, producers)
    const sources = this.#catalog.sources.map(({ name }) => name)
    const from = past.journalStart
    for await (const batch of replay({ files: nodeFiles, sources, ...journal, from, producers })) {
      yield { ...batch, sequences: null }
    }
  }
}

function keysBy({ routes }: Catalog, sample: KeySample): readonly ReadonlySet<string>[] {
  return routes.map(({ index }) => new Set(sample.keysOf(index).map((key) => nameOf(key))))
}

function timeOf(ms: number): string | null {
  return ms === -Infinity ? null : new Date(ms).toISOString()
}
