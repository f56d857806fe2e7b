/**
 * What `millrace load` asks for, and what it gets: the types between the command, its text and the
 * generator.
 */
import { clientOptions, loadOptions, type Resolved } from '../base/config.ts'
import type { LoadOutcome, Progress } from '../load/outcome.ts'
import type { Catalog } from '../model/catalog.ts'

export const loadPlanOptions = { ...clientOptions, ...loadOptions }

/** What is to be sent, where to, and how. */
export interface LoadPlan extends Resolved<typeof loadPlanOptions> {
  readonly catalog: Catalog
  readonly source: string | undefined
  readonly fixed: Readonly<Record<string, unknown>>
  readonly onProgress: (progress: Progress) => void
}

/** A load that has begun. */
export interface StartedLoad {
  /** Name of its source, and mean bytes of an event's msgpack. */
  readonly source: string
  readonly eventBytes: number
  readonly ended: Promise<LoadOutcome>
  /** Ends the measured time now. */
  stop(): void
}
