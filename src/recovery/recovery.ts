/**
 * Recovery: what the journal holds behind the shards' checkpoints goes through the shards again.
 *
 * The same way as live events, with the arrival times of then, so every decision falls the same.
 * A shard skips what its checkpoint covers. What was not counted and is not in the ledger goes
 * there now: found again, or as a shard's checkpoint has kept it. Nothing is acknowledged:
 * producers learn the sequence they have got to when they come back.
 *
 * With views that the store has not had before, all of the journal goes through the shards:
 * what a checkpoint covers is new to these views alone.
 */
import { MillraceError } from '../base/errors.ts'
import { replayBytesMax } from '../base/limits.ts'
import type { Journal } from '../journal/journal.ts'
import type { ReplayedBatch } from '../journal/replay.ts'
import type { BatchRejections, ShardOpened } from '../model/message.ts'
import type { Router } from '../route/router.ts'
import type { Intake } from '../intake/intake.ts'
import type { Recording } from '../intake/recording.ts'

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
  readonly recording: Recording
  /** Whether views are new to the journal, so that all of it is read. */
  readonly isCatchingUp?: boolean
}): Promise<Recovery> {
  const { journal, shards, intake, router, recording, isCatchingUp = false } = options
  const { end } = journal.recovered
  const behind = Math.min(...shards.map((shard) => shard.from))
  const from = isCatchingUp ? journal.start : behind
  const furthest = Math.max(...shards.map(({ position }) => position), recording.before)
  const unrecorded = byPosition(shards)
  if (furthest > end) {
    const reason = `ends at ${end}, but the store has got to ${furthest}: it is another store's`
    throw new MillraceError('STORE_CORRUPT', { file: 'journal', reason })
  }
  const read = await replayJournal(journal, { from, to: end }, async (batch) => {
    const producer = intake.replayedProducer(batch.producer, batch.epoch)
    const { length: bytes } = batch.payload
    const kept = unrecorded.get(batch.position) ?? []
    const passage = { ...batch, bytes, producer, producerId: batch.producer, unrecorded: kept }
    intake.pass(passage).flushed()
    if (intake.bytes > replayBytesMax) await intake.whenAtMost(replayBytesMax / 2)
    return true
  })
  await router.idle()
  await recording.idle()
  return { ...read, from }
}

/**
 * Hands on the batches of the journal that end behind `from` and not behind `to`, in order, until
 * `pass` says that it wants no more.
 */
export async function replayJournal(
  journal: Pick<Journal, 'read'>,
  { from, to }: { readonly from: number; readonly to: number },
  pass: (batch: ReplayedBatch) => Promise<boolean>,
): Promise<{ readonly batches: number; readonly events: number }> {
  let batches = 0
  let events = 0
  for await (const batch of journal.read(from)) {
    if (batch.position > to) break
    const isEnough = !(await pass(batch))
    batches += 1
    events += batch.count
    if (isEnough) break
  }
  return { batches, events }
}

/**
 * What the shards' checkpoints have kept because the ledger might not have it. Of a batch that it
 * has, this is left out with all that is said of that batch again.
 */
function byPosition(shards: readonly ShardOpened[]): ReadonlyMap<number, BatchRejections[]> {
  const kept = new Map<number, BatchRejections[]>()
  for (const rejected of shards.flatMap(({ unrecorded }) => unrecorded)) {
    const others = kept.get(rejected.position)
    if (others === undefined) kept.set(rejected.position, [rejected])
    else others.push(rejected)
  }
  return kept
}
