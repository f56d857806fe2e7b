/**
 * The way in of events that come by requests, put together.
 */
import type { Clock } from '../base/clock.ts'
import { ledgerPageEntriesMax } from '../base/limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Catalog } from '../model/catalog.ts'
import type { LedgerEntry } from '../model/ledger.ts'
import type { Lane } from '../route/lanes.ts'
import { Checks } from '../intake/checks.ts'
import type { Intake } from '../intake/intake.ts'
import { KeyedRequests } from '../intake/keyed-requests.ts'
import { Push } from '../intake/push.ts'

/** The way in of events that come by requests. */
export function openPush(options: {
  readonly catalog: Catalog
  readonly journal: Journal
  readonly ledger: Ledger
  readonly intake: Intake
  readonly lanes: readonly Lane[]
  readonly clock: Clock
}): Push {
  const { catalog, journal, ledger, intake: ingest, lanes, clock } = options
  const producers = () => journal.producers.state().producers
  const recorded = (producer: string) => entriesOf(ledger, producer)
  const keyed = new KeyedRequests({ ingest, producers, recorded })
  return new Push({ catalog, ingest, producers, keyed, checks: new Checks(lanes), clock })
}

/** All that the ledger has of a producer. */
async function entriesOf(ledger: Ledger, producer: string): Promise<readonly LedgerEntry[]> {
  const entries: LedgerEntry[] = []
  const about = { filter: { producer }, upTo: ledger.lastId, limit: ledgerPageEntriesMax }
  for (let after: number | null = 0; after !== null;) {
    const page = await ledger.read({ ...about, after })
    entries.push(...page.entries)
    after = page.next
  }
  return entries
}
