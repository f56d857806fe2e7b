/**
 * `millrace push`: publishes events from lines of JSON and waits until each is durable and counted.
 *
 * A line that is not a JSON object, or an event that the daemon rejects, is reported with its line
 * number; the others are published all the same.
 */
import { createReadStream } from 'node:fs'
import { clientOptions } from '../base/config.ts'
import { MillraceError, printable, reasonOf } from '../base/errors.ts'
import { rejection, type Rejection } from '../model/rejection.ts'
import { jsonFlag, parseCommand, type CommandHelp, type Io, type Run } from './command.ts'
import { parseEvent } from './event-line.ts'
import { exitCodes } from './exit-codes.ts'
import { readLines } from './lines.ts'
import type { Server } from './server.ts'

export const pushHelp = {
  name: 'push',
  usage: '<source> [--file NDJSON]',
  summary: 'Publishes events, one JSON object per line',
  options: clientOptions,
  flags: {
    file: {
      type: 'string',
      placeholder: 'NDJSON',
      description: 'File of events; "-", the default, is stdin.',
    },
    json: jsonFlag,
  },
} as const satisfies CommandHelp

/** What the command needs of a client. */
export interface Publisher {
  /** Resolves when every event is durable and counted, or rejected. */
  publish(source: string, events: readonly object[]): Promise<PublishOutcome>
  /** Events so far that the daemon had already and did not count again. */
  readonly duplicates: number
  /** Waits for what is published, then disconnects. */
  drain(): Promise<void>
  /** Disconnects now. */
  close(): Promise<unknown>
}

interface PublishOutcome {
  readonly accepted: number
  /** By their place in the call. */
  readonly rejected: readonly Rejection[]
}

/** Events of one call, and calls that wait for their answers. */
const callEventsMax = 1000
const callsMax = 8

/** Rejections that are printed; the others are counted. */
const reportedMax = 20

/** Connects to a daemon. @throws {@link MillraceError} `SOURCE_UNKNOWN`. */
type Connect = (server: Server, options: { readonly source: string }) => Promise<Publisher>

/** @param connect  May also fail at the first publish. */
export function pushCommand(connect: Connect): Run {
  return async (args, io) => {
    const one = { min: 1, max: 1 }
    const { positionals, options, flags } = parseCommand(pushHelp, args, one, io.environment)
    const file = (flags['file'] as string | undefined) ?? '-'
    const source = positionals[0]!
    const publisher = await connect(options, { source })
    const tally = new Tally(io)
    try {
      await publishLines(publisher, source, inputOf(file, io), tally)
      await publisher.drain()
    } catch (error) {
      await publisher.close()
      throw error
    }
    const { accepted, rejected } = tally
    const { duplicates } = publisher
    const again = duplicates === 0 ? '' : `, ${duplicates} not counted again`
    io.out(
      flags['json'] === true
        ? JSON.stringify({ accepted, rejected, duplicates })
        : `${accepted} events accepted, ${rejected} rejected${again}`,
    )
    return rejected === 0 ? exitCodes.ok : exitCodes.data
  }
}

async function* inputOf(file: string, io: Io): AsyncGenerator<Uint8Array> {
  if (file === '-') return yield* io.input
  try {
    yield* createReadStream(file) as AsyncIterable<Uint8Array>
  } catch (error) {
    throw new MillraceError('FILE_UNREADABLE', { file, reason: reasonOf(error) }, { cause: error })
  }
}

class Tally {
  accepted = 0
  rejected = 0
  readonly #io: Io

  constructor(io: Io) {
    this.#io = io
  }

  reject(line: number, reason: string): void {
    this.rejected += 1
    if (this.rejected <= reportedMax) this.#io.err(`line ${line}: ${printable(reason)}`)
    if (this.rejected === reportedMax) this.#io.err('further rejections are only counted')
  }
}

async function publishLines(
  publisher: Publisher,
  source: string,
  input: AsyncIterable<Uint8Array>,
  tally: Tally,
): Promise<void> {
  const calls = new Set<Promise<void>>()
  let events: object[] = []
  let lines: number[] = []

  async function publish(): Promise<void> {
    const places = lines
    const published = publishEach(publisher, source, events)
    events = []
    lines = []
    const { accepted, rejected } = await published
    tally.accepted += accepted
    for (const each of rejected) tally.reject(places[each.index]!, rejectionText(each))
  }

  async function start(): Promise<void> {
    const call = publish()
    calls.add(call)
    call.then(
      () => calls.delete(call),
      () => undefined,
    )
    if (calls.size >= callsMax) await Promise.race(calls)
  }

  let line = 0
  for await (const text of readLines(input)) {
    line += 1
    if (text?.trim() === '') continue
    const event = text === null ? 'not UTF-8' : parseEvent(text)
    if (typeof event === 'string') {
      tally.reject(line, event)
      continue
    }
    events.push(event)
    lines.push(line)
    if (events.length === callEventsMax) await start()
  }
  if (events.length > 0) await start()
  await Promise.all(calls)
}

/**
 * Publishes events so that one which cannot be sent does not keep the others back: the client takes
 * a call whole or not at all.
 */
async function publishEach(
  publisher: Publisher,
  source: string,
  events: readonly object[],
): Promise<PublishOutcome> {
  try {
    return await publisher.publish(source, events)
  } catch (error) {
    if (!(error instanceof MillraceError && error.code.startsWith('EVENT_'))) throw error
    if (events.length === 1) {
      return { accepted: 0, rejected: [rejection(0, error.code, '', error.details)] }
    }
    const outcomes = await Promise.all(
      events.map((event) => publishEach(publisher, source, [event])),
    )
    return {
      accepted: outcomes.reduce((sum, { accepted }) => sum + accepted, 0),
      rejected: outcomes.flatMap(({ rejected }, index) =>
        rejected.map((each) => ({ ...each, index })),
      ),
    }
  }
}

function rejectionText({ code, path, message }: Rejection): string {
  return `${path === '' ? '' : `${path}: `}${message} (${code})`
}
