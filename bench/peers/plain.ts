/**
 * The peer `plain`: a plain Node process with `ws`, a `Map`, and an LMDB put for each event.
 *
 * The same connections and the same events in flight as the product has. Its frames are arrays of
 * events, in msgpack or in JSON.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runLoad } from '../load.ts'
import { sentTo } from '../sent.ts'
import { checkTotals, equal, usersOf, type Totals } from './check.ts'
import { startChild } from './child.ts'
import { connectToPeer } from './frame-link.ts'
import { createArrayFrames, type Format } from './frames.ts'
import { perSecond, type PeerOptions } from './options.ts'

export interface PlainArgument {
  /** Of the database. */
  readonly path: string
  readonly format: Format
}

/** What `plain-program.ts` answers to the names of users. */
interface Answer {
  /** Events in the database. */
  readonly stored: number
  readonly totals: readonly (Totals | null)[]
}

/** @returns events/s. */
export async function measurePlain(options: PeerOptions, format: Format): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-plain-'))
  const path = join(dir, 'data')
  const child = await startChild('plain-program', { path, format } satisfies PlainArgument)
  try {
    const { keys, frameEvents } = options.impressions
    const url = child.ready as string
    const connect = connectToPeer(url, frameEvents)
    const workload = createArrayFrames(options.workload, format)
    const loop = { kind: 'closed', inFlight: options.inFlight } as const
    const load = await runLoad({ ...options, url, connect, workload, loop })
    const sample = sentTo(keys, workload, load.frameTimesMs)
    const { stored, totals } = (await child.ask(usersOf(sample))) as Answer
    equal(`plain ${format}: events stored`, stored, load.frameTimesMs.length * frameEvents)
    checkTotals(`plain ${format}`, sample, totals)
    return perSecond(load.events, load.measuredMs)
  } finally {
    await child.stop()
    await rm(dir, { recursive: true, force: true })
  }
}
