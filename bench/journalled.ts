/**
 * A journal as a killed daemon leaves it: events behind the last checkpoint, on disk, not closed.
 *
 * The events are those of a workload, a frame a batch, appended by the journal itself, so that its
 * bytes are those that a daemon writes.
 */
import { stat, truncate } from 'node:fs/promises'
import { systemClock } from '../src/base/clock.ts'
import { storedFormats } from '../src/stored/formats.ts'
import { openJournal, type Journal } from '../src/journal/journal.ts'
import { createMessage } from '../src/load/message.ts'
import type { Workload } from '../src/load/workload.ts'
import { groupedBytes, recordHeaderBytes } from '../src/log/frame.ts'
import { openDirectory } from '../src/persist/directory.ts'
import { decodeClientFrame } from '../src/wire/protocol.ts'

/** Batches appended between two waits for the disk. */
const batchesPerFlush = 64

/** How far before its arrival the first event of a frame has happened, ms. */
const ageMs = 1

/**
 * Appends frames of a workload to the journal of a directory that no daemon has open.
 *
 * @returns by frame: the event time that it was written with, ms.
 */
export async function appendFrames(
  dataDir: string,
  workload: Workload,
  frames: number,
): Promise<readonly number[]> {
  const directory = await openDirectory(dataDir, storedFormats)
  try {
    const journal = await openJournal({
      dir: directory.journalPath,
      clock: systemClock,
      sources: [workload.source],
      onFailure: (error) => {
        throw error
      },
    })
    const timesMs = await appendAll(journal, workload, frames)
    const { path } = journal.segments.at(-1)!
    await journal.close()
    // A daemon that is killed has no time to say that it closes.
    await truncate(path, (await stat(path)).size - recordHeaderBytes - groupedBytes)
    return timesMs
  } finally {
    await directory.release()
  }
}

async function appendAll(journal: Journal, workload: Workload, frames: number): Promise<number[]> {
  const opening = journal.openProducer('bench', null)
  if (opening.kind !== 'new') throw new Error('the producer is new')
  const { id, epoch } = opening.producer
  const timesMs: number[] = []
  for (let n = 0; n < frames; n++) {
    const timeMs = systemClock.nowMs() - ageMs
    const sequence = n * workload.frameEvents
    const { count, payload } = batchOf(workload, n, sequence, timeMs)
    const from = { source: 0, sourceName: workload.source, producer: id, epoch }
    const { position } = journal.append({ ...from, sequence, count, payload })
    timesMs.push(timeMs)
    if (n % batchesPerFlush === 0) await journal.whenFlushed(position)
  }
  return timesMs
}

/** The n-th frame as the intake sees it: the message without its head and mask, parsed. */
function batchOf(workload: Workload, n: number, sequence: number, timeMs: number) {
  const message = createMessage(workload.messageBytesMax)
  const length = workload.write(message, n, sequence, timeMs)
  const frame = unmasked(message.bytes.subarray(0, length))
  const parsed = decodeClientFrame(frame)
  if (parsed?.kind !== 'publish') throw new Error('a workload consists of events')
  return parsed
}

/** The frame in a client's message, in place. @see RFC 6455, section 5.2 */
function unmasked(message: Uint8Array): Uint8Array {
  const sizeBytes = [126, 127].indexOf(message[1]! & 0x7f)
  const maskAt = 2 + [2, 8, 0].at(sizeBytes)!
  const mask = message[maskAt]!
  const frame = message.subarray(maskAt + 4)
  for (let i = 0; i < frame.length; i++) frame[i]! ^= mask
  return frame
}
