/**
 * Recovery: what the journal holds behind the shards' checkpoints goes through the shards again.
 *
 * The same way as live events, with the arrival times of then, so every decision falls the same.
 * A shard skips what its checkpoint covers. Nothing is acknowledged: producers learn the sequence
 * they have got to when they come back.
 */
import { MillraceError } from '../base/errors.ts'
import { intakeBytesMax } from '../base/limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { ShardOpened } from '../model/message.ts'
import type { Router } from '../route/router.ts'
import type { Intake } from './intake.ts'

export interface Recovery {
  /** Batches and events read from the journal. */
  readonly batches: number
  readonly events: number
  /** Position from which it was read. */
  readonly from: number
}

/** @throws MillraceError `STORE_CORRUPT`, `JOURNAL_CORRUPT`. */
export async function recover(options: {
  readonly journal: Journal
  readonly shards: readonly ShardOpened[]
  readonly intake: Intake
  readonly router: Router
}): Promise<Recovery> {
  const { journal, shards, intake, router } = options
  const { end } = journal.recovered
  const from = Math.min(...shards.map(({ position }) => position))
  const furthest = Math.max(...shards.map(({ position }) => position))
  if (furthest > end) {
    const reason = `ends at ${end}, but the store has got to ${furthest}: it is another store's`
    throw new MillraceError('STORE_CORRUPT', { file: 'journal', reason })
  }
  let batches = 0
  let events = 0
  for await (const batch of journal.read(from)) {
    if (batch.position > end) break
    const producer = intake.replayedProducer(batch.producer, batch.epoch)
    intake.pass({ ...batch, sourceName: 'of then', producer }).flushed()
    batches += 1
    events += batch.count
    if (intake.bytes > intakeBytesMax / 2) await router.idle()
  }
  await router.idle()
  return { batches, events, from }
}
