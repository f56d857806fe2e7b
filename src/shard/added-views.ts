/**
 * Views that a store has not had before, and what the journal still has of their sources.
 *
 * A recovery then begins where the journal does. What the checkpoints cover, other views have
 * counted in an earlier life; these count it now, in the order of the journal and with the arrival
 * times of then, as if they had been there. Nobody is told of what they do not count.
 */
import type { Catalog } from '../model/catalog.ts'
import type { Section, SectionBuffers } from '../model/section.ts'
import { Applier, type ApplierOptions } from './apply.ts'
import type { Quarantined } from './quarantined.ts'

export class AddedViews {
  readonly #applier: Applier
  readonly #routes: ReadonlySet<number>
  readonly #quarantined: Quarantined
  #sections: Section[] = []

  /** @param added  Places of the views, none of which is of a source whose events have ids. */
  constructor(
    options: Omit<ApplierOptions, 'ids'>,
    added: readonly number[],
    quarantined: Quarantined,
  ) {
    const catalog: Catalog = options.catalog
    const views = options.views.map((view, place) => (added.includes(place) ? view : null))
    this.#applier = new Applier({ ...options, views, ids: { begin: () => null } })
    this.#routes = new Set(added.map((place) => catalog.views[place]!.route))
    this.#quarantined = quarantined
  }

  /** Takes a section that a checkpoint covers, if it is for one of these views. */
  take(section: Section): void {
    if (section.backfill === 0 && this.#routes.has(section.route)) this.#sections.push(section)
  }

  /** Counts what was taken, which stands in `buffers`. */
  apply(buffers: SectionBuffers): void {
    const sections = this.#sections
    if (sections.length === 0) return
    this.#sections = []
    if (!this.#quarantined.isIn(sections)) {
      this.#applier.apply(sections, buffers)
      return
    }
    for (const section of sections) {
      const { position, route } = section
      this.#applier.applyEach(section, buffers, (index) => {
        return !this.#quarantined.has({ position, route, index })
      })
    }
  }
}
