/**
 * What a shard is opened with.
 */
import type { HashSeed } from '../base/hash.ts'
import type { Catalog } from '../model/catalog.ts'
import type { ViewHistory } from '../model/history.ts'
import type { KeyLimit } from '../model/key-limit.ts'
import type { EventInHand } from '../model/pulse.ts'
import type { Validators } from './validators.ts'

export interface ShardOptions extends Validators {
  readonly index: number
  readonly catalog: Catalog
  readonly viewIds: readonly number[]
  /** Journal position from which each view counts; 0 when left out. */
  readonly viewsSince?: readonly number[]
  /** Places of views that the store has not had before; see `added-views.ts`. */
  readonly added?: readonly number[]
  /** New keys of each view on a day, by place in the catalog; any number when left out. */
  readonly keyLimits?: readonly (readonly KeyLimit[])[]
  /** Where the stream of each view begins, by place in the catalog; nowhere when left out. */
  readonly histories?: readonly (ViewHistory | null)[]
  /** The secret of the store. */
  readonly seed: HashSeed
  /** Folder of the shards' environments. */
  readonly storePath: string
  /** Events that are skipped; none when left out. */
  readonly quarantined?: readonly EventInHand[]
}
