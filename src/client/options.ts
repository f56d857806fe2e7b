/**
 * What a caller may say about a client, and what holds when nothing is said.
 */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from '../base/clock.ts'
import { MillraceError } from '../base/errors.ts'
import { batchEventsMax, frameBytesMax, producerNameLengthMax } from '../base/limits.ts'
import { streamPath } from '../wire/protocol.ts'
import type { ClientStatus } from './connection.ts'
import type { ProducerOptions } from './producer.ts'
import type { OpenEvents, SentRejection } from './receipt.ts'

/** Options of {@link MillraceClient}. */
export interface ClientOptions {
  /** Where the server is: `ws:`, `wss:`, `http:` or `https:`; a path only behind a proxy. */
  readonly url: string
  /**
   * API key to come with, where the server asks for one.
   *
   * @defaultValue none
   */
  readonly apiKey?: string
  /**
   * Name under which events are published: 1 to 64 printable ASCII characters. Of several clients
   * with one name the last to connect wins, and the others fail.
   *
   * @defaultValue host, process and a random part: a name of this client object alone
   */
  readonly producer?: string
  /**
   * Events without an outcome beyond which `ready()` waits; `publish` refuses at twice as many.
   *
   * @defaultValue 100_000
   */
  readonly outboxEventsMax?: number
  /**
   * The same for the bytes of their frames.
   *
   * @defaultValue 67_108_864
   */
  readonly outboxBytesMax?: number
  /**
   * Keeps the outbox on disk, in a directory of its own: what is published is stored there before
   * it is sent, and what has no outcome when the process ends, however it ends, is sent by the next
   * one, and counted once. Needs `producer`; one process at a time.
   *
   * @defaultValue the outbox is in memory
   */
  readonly outbox?: { readonly dir: string }
  /**
   * Events of one batch.
   *
   * @defaultValue 1000: more per frame gains little, and each batch is acknowledged as a whole
   */
  readonly batchEventsMax?: number
  /**
   * How long small calls wait for others to share a batch, ms. 0: until the end of the current turn
   * of the event loop.
   *
   * @defaultValue 0
   */
  readonly lingerMs?: number
  /**
   * Time after which a read without an answer fails, ms; time without a connection counts.
   *
   * @defaultValue 10_000
   */
  readonly readTimeoutMs?: number
  /**
   * Told of each event that was sent without a receipt and was rejected.
   *
   * @defaultValue a warning of the process, for the first one
   */
  readonly onRejected?: (rejection: SentRejection) => void
  /**
   * Told, when the client is closed or refused for good, of events that were sent without a receipt
   * and have no outcome. Those of `publish` are told by their promises.
   *
   * @defaultValue a warning of the process, for the first ones
   */
  readonly onUnknown?: (left: OpenEvents) => void
  /** Told of every change of the connection's state, in order. */
  readonly onStatus?: (status: ClientStatus) => void
  /** @defaultValue the system's clocks */
  readonly clock?: Clock
}

export interface ResolvedClientOptions {
  readonly url: string
  readonly apiKey: string | null
  readonly producer: string
  /** Whether the caller chose the name. */
  readonly isProducerNamed: boolean
  /** Where the outbox is kept; null when it is in memory. */
  readonly outboxDir: string | null
  readonly publish: ProducerOptions
  readonly readTimeoutMs: number
  readonly onStatus: (status: ClientStatus) => void
}

/** Bytes of a frame beyond which it takes no further event. */
const batchBytesMax = 256 * 1024

/** @throws {@link MillraceError} `CONFIG_INVALID` */
export function resolveOptions(options: ClientOptions): ResolvedClientOptions {
  const { producer, outbox, onStatus } = options
  if (outbox !== undefined) assertNamed(producer, outbox.dir)
  return {
    url: endpointOf(options.url),
    apiKey: checkedApiKey(options.apiKey),
    producer: checkedProducer(producer ?? randomProducer()),
    isProducerNamed: producer !== undefined,
    outboxDir: outbox?.dir ?? null,
    publish: {
      outboxEventsMax: checked('outboxEventsMax', options.outboxEventsMax, 100_000, 1),
      outboxBytesMax: checked('outboxBytesMax', options.outboxBytesMax, 64 * 1024 * 1024, 1),
      batchEventsMax: Math.min(
        checked('batchEventsMax', options.batchEventsMax, 1000, 1),
        batchEventsMax,
      ),
      batchBytesMax,
      frameBytesMax,
      lingerMs: checked('lingerMs', options.lingerMs, 0, 0),
      isKept: outbox !== undefined,
      onRejected: options.onRejected ?? warnOnce('onRejected', rejectionText),
      onUnknown: options.onUnknown ?? warnOnce('onUnknown', unknownText),
    },
    readTimeoutMs: checked('readTimeoutMs', options.readTimeoutMs, 10_000, 1),
    onStatus: onStatus ?? (() => {}),
  }
}

function endpointOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const protocol = url?.protocol.replace(/^http/, 'ws')
  if (url === null || (protocol !== 'ws:' && protocol !== 'wss:')) {
    throw new MillraceError('CONFIG_INVALID', {
      path: 'url',
      reason: `"${text}" is not a URL such as "ws://127.0.0.1:4800"`,
    })
  }
  url.protocol = protocol
  url.hash = ''
  if (url.pathname === '/') url.pathname = streamPath
  return url.href
}

/** What is wrong with a key is told without it. */
function checkedApiKey(apiKey: string | undefined): string | null {
  if (apiKey === undefined || /^[\x21-\x7e]+$/.test(apiKey)) return apiKey ?? null
  throw new MillraceError('CONFIG_INVALID', { path: 'apiKey', reason: 'is not an API key' })
}

function checked(path: string, value: number | undefined, otherwise: number, min: number): number {
  if (value === undefined) return otherwise
  if (Number.isFinite(value) && value >= min) return value
  throw new MillraceError('CONFIG_INVALID', { path, reason: `${value} is not at least ${min}` })
}

function checkedProducer(name: string): string {
  if (name.length <= producerNameLengthMax && /^[\x21-\x7e]+$/.test(name)) return name
  throw new MillraceError('CONFIG_INVALID', {
    path: 'producer',
    reason: `a name has 1 to ${producerNameLengthMax} printable ASCII characters`,
  })
}

/** A name of one client object alone is nobody's when the next process opens the outbox. */
function assertNamed(producer: string | undefined, dir: string): void {
  if (dir === '')
    throw new MillraceError('CONFIG_INVALID', { path: 'outbox.dir', reason: 'is empty' })
  if (producer !== undefined) return
  const reason = 'an outbox on disk belongs to a producer with a name'
  throw new MillraceError('CONFIG_INVALID', { path: 'producer', reason })
}

/** What nobody has asked for must not go unseen. */
function warnOnce<T>(option: string, textOf: (told: T) => string): (told: T) => void {
  let isWarned = false
  return (told) => {
    if (isWarned) return
    isWarned = true
    const more = `Further ones are not told; pass ${option} to hear of each.`
    process.emitWarning(`${textOf(told)}. ${more}`, 'MillraceWarning')
  }
}

function rejectionText({ source, sequence, code, path, message }: SentRejection): string {
  return `event ${sequence}, of the source ${source}, was rejected: ${code} ${path} ${message}`
}

function unknownText({ source, count, wasSent }: OpenEvents): string {
  const outcome = wasSent ? 'were sent, and whether they count is unknown' : 'were not sent'
  return `the client has ended: ${count} events of the source ${source} ${outcome}`
}

function randomProducer(): string {
  const host = hostname()
    .replace(/[^\x21-\x7e]/g, '')
    .slice(0, 24)
  return `${host}-${process.pid}-${randomBytes(8).toString('hex')}`
}
