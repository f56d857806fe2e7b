/**
 * `millrace load`: sends made-up events to a running daemon and measures what it makes of them.
 *
 * How it is going is shown once a second. A first signal ends the measured time; what was measured
 * until then is printed as if it had been asked for. A second one ends the command.
 */
import { resolve } from 'node:path'
import { MillraceError } from '../base/errors.ts'
import type { LoadOutcome } from '../load/outcome.ts'
import type { Catalog } from '../model/catalog.ts'
import { isWireMap } from '../model/convert.ts'
import {
  jsonFlag,
  parseCommand,
  usageInvalid,
  type CommandHelp,
  type Io,
  type Run,
} from './command.ts'
import { exitCodes, signalNumbers } from './exit-codes.ts'
import { loadPlanOptions, type LoadPlan, type StartedLoad } from './load-plan.ts'
import { progressLine, reportJson, reportLines } from './load-text.ts'

export const loadHelp = {
  name: 'load',
  usage: '<features.ts> [--source NAME] [options]',
  summary: 'Sends made-up events to a running daemon and measures it',
  options: loadPlanOptions,
  flags: {
    source: {
      type: 'string',
      placeholder: 'NAME',
      description: 'Source that the events are of; may be left out where there is one only.',
    },
    fixed: {
      type: 'string',
      placeholder: 'JSON',
      description: 'Values that fields have in every event, as an object.',
    },
    json: {
      ...jsonFlag,
      description: 'Print one JSON object, the last line of stdout.',
    },
  },
} as const satisfies CommandHelp

/** What the command needs of the rest. */
export interface LoadDoors {
  /** Loads and checks the definitions of a file, by its absolute path. */
  readonly load: (file: string) => Promise<Catalog>
  /** Begins a load, when the daemon has the source as the definitions say it. */
  readonly start: (plan: LoadPlan) => Promise<StartedLoad>
}

export function loadCommand({ load, start }: LoadDoors): Run {
  return async (args, io) => {
    const one = { min: 1, max: 1 }
    const parsed = parseCommand(loadHelp, args, one, io.environment)
    const { options, flags } = parsed
    if (options.rate > 0 && flags['in-flight'] !== undefined) {
      const reason = 'is for a closed loop; with --rate, the credit of the server decides'
      throw new MillraceError('CONFIG_INVALID', { path: '--in-flight', reason })
    }
    const fixed = parseFixed(flags['fixed'] as string | undefined)
    const plan: LoadPlan = {
      ...options,
      catalog: await load(resolve(parsed.positionals[0]!)),
      source: flags['source'] as string | undefined,
      fixed,
      onProgress: (progress) => io.live(progressLine(progress)),
    }
    const started = await start(plan)
    const outcome = await untilEnded(started, io)
    if (typeof outcome === 'number') return outcome
    if (flags['json'] === true) io.out(JSON.stringify(reportJson(plan, started, outcome)))
    else for (const line of reportLines(plan, started, outcome)) io.out(line)
    return outcome.rejected === 0 ? exitCodes.ok : exitCodes.data
  }
}

function parseFixed(text = '{}'): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  if (!isWireMap(value)) throw usageInvalid(`--fixed: "${text}" is not a JSON object`)
  return value
}

/** What came of a load, or the exit code of the second signal. */
async function untilEnded(load: StartedLoad, io: Io): Promise<LoadOutcome | number> {
  let first = true
  let stopListening = (): void => {}
  const cut = new Promise<number>((resolve) => {
    stopListening = io.onSignal((signal) => {
      if (!first) resolve(128 + signalNumbers[signal])
      first = false
      load.stop()
    })
  })
  try {
    return await Promise.race([load.ended, cut])
  } finally {
    stopListening()
    io.live('')
  }
}
