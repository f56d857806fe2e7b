/**
 * The formats in which this version writes the parts of a data directory; `store.json` has them.
 */
import { slotFormat } from '../aggregate/slot-codec.ts'
import { journalFormat } from '../journal/record.ts'
import { ledgerFormat } from '../ledger/record.ts'
import type { Formats } from '../persist/manifest.ts'
import { redoFormat } from '../persist/redo.ts'
import { storeFormat } from '../persist/store-writes.ts'

export const storedFormats: Formats = {
  journal: journalFormat.version,
  ledger: ledgerFormat.version,
  store: storeFormat,
  slot: slotFormat,
  redo: redoFormat,
}
