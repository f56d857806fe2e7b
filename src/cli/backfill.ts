/**
 * `millrace backfill`: has a running daemon count the past of views, and shows how far it is.
 *
 * The daemon does the work and keeps it: this command asks, watches, and at the first signal has it
 * pause. It goes on where it was when it is asked for again.
 */
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { clientOptions } from '../base/config.ts'
import { MillraceError } from '../base/errors.ts'
import type { Catalog } from '../model/catalog.ts'
import { backfillLines, progressLine, progressStep, type ShownBackfill } from './backfill-text.ts'
import {
  jsonFlag,
  parseCommand,
  usageInvalid,
  type CommandHelp,
  type Io,
  type Run,
  type StopSignal,
} from './command.ts'
import { exitCodeOf, exitCodes, signalNumbers } from './exit-codes.ts'
import { jsonText } from './json-text.ts'
import { fetchJson, postJson, type Server } from './server.ts'

export const backfillHelp = {
  name: 'backfill',
  usage: '<features.ts> [--view V,V] [--from T] [--to T]',
  summary: 'Counts the past of views from the batch source of their source',
  options: clientOptions,
  flags: {
    view: {
      type: 'string',
      placeholder: 'V,V',
      description: 'These views; without it all that are not complete.',
    },
    from: {
      type: 'string',
      placeholder: 'TIME',
      description: 'Event time at which the past begins, in place of featureStartTime.',
    },
    to: {
      type: 'string',
      placeholder: 'TIME',
      description: 'Event time before which to stop for now; run it again to go on.',
    },
    json: jsonFlag,
  },
} as const satisfies CommandHelp

/** Between two looks at how it is doing. */
const pollMs = 250

/** @param load  Loads and checks the definitions of a file, by its absolute path. */
export function backfillCommand(load: (file: string) => Promise<Catalog>): Run {
  return async (args, io) => {
    const one = { min: 1, max: 1 }
    const parsed = parseCommand(backfillHelp, args, one, io.environment)
    const server = parsed.options
    const { view, from, to, json } = parsed.flags as Readonly<Record<string, string | undefined>>
    const views = namesOf(await load(resolve(parsed.positionals[0]!)), view)
    await assertServed(server, views)
    const names = views.map(({ name }) => name)
    if (names.length > 0) await postJson(server, '/v1/backfill', { views: names, from, to })
    const watched = await watch(server, names, io)
    const { backfills, signal } = watched
    if (json !== undefined) io.out(jsonText({ backfills }))
    else for (const line of backfillLines(backfills)) io.out(line)
    if (signal !== null) return 128 + signalNumbers[signal]
    const failed = backfills.find(({ state }) => state === 'failed')
    if (failed !== undefined) return exitCodeOf(failed.error!.code)
    return backfills.every(({ rejected }) => rejected === 0) ? exitCodes.ok : exitCodes.data
  }
}

type Named = Pick<Catalog['views'][number], 'name' | 'identity'>

/** The views of the file that are meant. */
function namesOf(catalog: Catalog, given: string | undefined): readonly Named[] {
  if (given === undefined) {
    return catalog.views.filter(
      ({ online, source }) => online && catalog.sources[source]!.batch !== undefined,
    )
  }
  return given.split(',').map((name) => {
    const view = catalog.views.find((each) => each.name === name)
    if (view === undefined) throw usageInvalid(`--view: the file has no view "${name}"`)
    return view
  })
}

/** The daemon has the views as the file defines them. */
async function assertServed(server: Server, views: readonly Named[]): Promise<void> {
  const served = (await fetchJson(server, '/v1/definitions')) as {
    readonly views: readonly Named[]
  }
  for (const { name, identity } of views) {
    const view = served.views.find((each) => each.name === name)
    if (view?.identity === identity) continue
    const how = view === undefined ? 'does not have it' : 'has another one of that name'
    const reason = `view "${name}": the daemon at ${server.url} ${how}`
    throw new MillraceError('USAGE_INVALID', { reason })
  }
}

interface Watched {
  readonly backfills: readonly ShownBackfill[]
  /** What has ended it before its time. */
  readonly signal: StopSignal | null
}

async function watch(server: Server, names: readonly string[], io: Io): Promise<Watched> {
  const asked = async (): Promise<readonly ShownBackfill[]> => {
    const body = (await fetchJson(server, '/v1/backfill')) as { backfills: ShownBackfill[] }
    return body.backfills.filter(({ views }) => views.some(({ name }) => names.includes(name)))
  }
  const stop = new AbortController()
  let signal: StopSignal | null = null
  const stopListening = io.onSignal((received) => {
    signal ??= received
    stop.abort()
  })
  let shown: string | null = null
  try {
    for (;;) {
      const backfills = await asked()
      if (!backfills.some(({ state }) => state === 'running')) return { backfills, signal }
      if (signal !== null) await postJson(server, '/v1/backfill/pause', {})
      else {
        const reached = progressStep(backfills)
        if (io.isLive || reached !== shown) io.live(progressLine(backfills))
        shown = reached
        await delay(pollMs, undefined, { signal: stop.signal }).catch(() => {})
      }
    }
  } finally {
    stopListening()
    io.live('')
  }
}
