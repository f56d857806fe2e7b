/**
 * Frames to bytes and back, for both sides of a connection.
 *
 * PUBLISH and FEATURES go by hand (`wire/publish.ts`, `wire/feature-writer.ts`); every other frame
 * is small, is bounded before it is decoded, and is checked field by field, so that what leaves
 * here has the types it claims. Keys of maps that are not known are skipped, as are elements behind
 * the last known one: a newer peer of the same major version is understood.
 *
 * Thread: any.
 */
import { MillraceError, reasonOf } from '../base/errors.ts'
import * as limits from '../base/limits.ts'
import { createDecoder, createEncoder, wireInteger, type MsgpackDecoder } from '../model/msgpack.ts'
import { FrameCursor, invalidFrame } from './cursor.ts'
import { decodeFeatures, decodeQueriedKeys } from './features.ts'
import * as check from './fields.ts'
import {
  frameType,
  ignorableFrom,
  protocolVersion,
  type AckFrame,
  type ClientFrame,
  type Credits,
  type FrameLimits,
  type NackFrame,
  type ServerFrame,
  type WelcomeFrame,
} from './frames.ts'
import { parsePublish } from './publish.ts'
import { decodeReadOptions, encodeReadOptions, wireGiven, type ReadAsked } from './read-options.ts'

export * from './frames.ts'
export { encodeFeatures } from './feature-writer.ts'
export { encodePublish } from './publish.ts'

const encoder = createEncoder()

const fromClient = clientDecoder(limits.frameNodesMax)

/** A READ may hold thousands of keys. */
const readsFromClient = clientDecoder(limits.readNodesMax, limits.readDepthMax)

/** Answers may be large, and come from a peer that the client has chosen. */
const fromServer = createDecoder({ depthMax: 32, nodesMax: 2 ** 26, bytesMax: 2 ** 28 })

/**
 * Decodes a frame that a client sent.
 *
 * @param bytes  One WebSocket message; the payload of a PUBLISH is a view of it.
 * @returns null for a frame that this version may skip.
 * @throws MillraceError `FRAME_INVALID`, `SEQUENCE_RANGE`, `BATCH_TOO_LARGE`.
 */
export function decodeClientFrame(bytes: Uint8Array): ClientFrame | null {
  const cursor = new FrameCursor(bytes)
  const length = cursor.arrayLength()
  if (length === 0) invalidFrame('a frame has a type')
  const type = cursor.integer()
  if (type === frameType.publish) return parsePublish(cursor, length)
  if (type >= ignorableFrom) return null
  if (type === frameType.read) return parseRead(cursor, length)
  const frame = decodeArray(fromClient, bytes)
  switch (type) {
    case frameType.hello:
      return decodeHello(check.map(frame[1], 'HELLO'))
    case frameType.flush:
      return { kind: 'flush', token: check.integer(frame[1], 'token') }
    case frameType.bye:
      return { kind: 'bye' }
    default:
      return invalidFrame(`type ${type} is not one that a client sends`)
  }
}

/** Reads what follows the type of a READ; its keys only if they are not too many. */
function parseRead(cursor: FrameCursor, length: number): ClientFrame {
  if (length < 4) invalidFrame('READ has an id, a name and keys')
  const id = cursor.integer()
  if (id < 0 || id > Number.MAX_SAFE_INTEGER) invalidFrame('id is not an integer within bounds')
  const name = cursor.text(limits.frameNameBytesMax)
  const count = cursor.arrayLength()
  if (count > limits.readKeysMax) {
    return { kind: 'read', id, name, count, keys: [], options: {}, isQuery: false }
  }
  const frame = decodeArray(readsFromClient, cursor.bytes)
  const keys = check.list(frame[3], 'keys').map((key) => check.map(key, 'key'))
  return { kind: 'read', id, name, count, keys, ...decodeReadOptions(frame[4]) }
}

/**
 * Decodes a frame that a server sent.
 *
 * @returns null for a frame that this version may skip.
 * @throws MillraceError `FRAME_INVALID`
 */
export function decodeServerFrame(bytes: Uint8Array): ServerFrame | null {
  const cursor = new FrameCursor(bytes)
  if (cursor.arrayLength() === 0) invalidFrame('a frame has a type')
  const type = cursor.integer()
  if (type >= ignorableFrom) return null
  const frame = decodeArray(fromServer, bytes)
  switch (type) {
    case frameType.welcome:
      return decodeWelcome(check.map(frame[1], 'WELCOME'))
    case frameType.ack:
      return decodeAck(frame)
    case frameType.nack:
      return decodeNack(frame)
    case frameType.goaway: {
      const reason = check.text(frame[1], 'reason')
      return { kind: 'goaway', reason, deadlineMs: check.integer(frame[2], 'deadlineMs') }
    }
    case frameType.flushed:
      return { kind: 'flushed', token: check.integer(frame[1], 'token') }
    case frameType.features: {
      const id = check.integer(frame[1], 'id')
      const features = check.map(frame[2], 'FEATURES')
      return {
        kind: 'features',
        id,
        table: decodeFeatures(features),
        ...decodeQueriedKeys(features),
      }
    }
    case frameType.error: {
      const code = check.text(frame[2], 'code')
      const message = check.text(frame[3], 'message')
      return { kind: 'error', id: check.integer(frame[1], 'id'), code, message }
    }
    default:
      return invalidFrame(`type ${type} is not one that a server sends`)
  }
}

export function encodeHello(hello: {
  readonly producer: string | null
  readonly epoch: number | null
  readonly sdk?: string
  readonly incarnation?: string
}): Uint8Array {
  const { producer, epoch, ...rest } = hello
  const known = { v: protocolVersion, producer, epoch: epoch === null ? null : wireInteger(epoch) }
  return encoder.encode([frameType.hello, { ...known, ...rest }])
}

export function encodeFlush(token: number): Uint8Array {
  return encoder.encode([frameType.flush, wireInteger(token)])
}

export function encodeBye(): Uint8Array {
  return encoder.encode([frameType.bye])
}

/** @param keys  `keys[n]`, join key → string, boolean, `number` or `bigint`. */
export function encodeRead(
  id: number,
  name: string,
  keys: readonly Readonly<Record<string, unknown>>[],
  asked: ReadAsked = { options: {}, isQuery: false },
): Uint8Array {
  const options = encodeReadOptions(asked)
  const more = options === null ? [] : [options]
  return encoder.encode([frameType.read, wireInteger(id), name, keys.map(wireGiven), ...more])
}

export function encodeWelcome(welcome: Omit<WelcomeFrame, 'kind' | 'version'>): Uint8Array {
  const { server, producer, epoch, isExpired, lastSequence, credits, limits } = welcome
  const { heartbeatMs, sources, services, incarnation } = welcome
  return encoder.encode([
    frameType.welcome,
    {
      v: protocolVersion,
      server,
      producer,
      epoch: epoch === null ? null : wireInteger(epoch),
      ...(isExpired ? { expired: true } : {}),
      lastSeq: lastSequence === null ? null : wireInteger(lastSequence),
      credits: wireCredits(credits),
      limits,
      heartbeatMs,
      sources,
      services,
      ...(incarnation === undefined ? {} : { incarnation }),
    },
  ])
}

export function encodeAck(ack: Omit<AckFrame, 'kind'>): Uint8Array {
  const extra: Record<string, unknown> = {}
  if (ack.credits !== null) extra['credits'] = wireCredits(ack.credits)
  if (ack.duplicates > 0) extra['duplicates'] = wireInteger(ack.duplicates)
  if (ack.rejections.length > 0) {
    extra['rejects'] = ack.rejections.map(({ sequence, code, path, message }) => [
      wireInteger(sequence),
      code,
      path,
      message,
    ])
  }
  return encoder.encode([frameType.ack, wireInteger(ack.upTo), extra])
}

export function encodeNack(nack: Omit<NackFrame, 'kind'>): Uint8Array {
  const { sequence, code, message, expected, retryAfterMs } = nack
  return encoder.encode([
    frameType.nack,
    wireInteger(sequence),
    code,
    message,
    expected === null ? null : wireInteger(expected),
    retryAfterMs,
  ])
}

export function encodeGoaway(reason: string, deadlineMs: number): Uint8Array {
  return encoder.encode([frameType.goaway, reason, deadlineMs])
}

export function encodeFlushed(token: number): Uint8Array {
  return encoder.encode([frameType.flushed, wireInteger(token)])
}

export function encodeError(id: number, code: string, message: string): Uint8Array {
  return encoder.encode([frameType.error, wireInteger(id), code, message])
}

function clientDecoder(nodesMax: number, depthMax: number = limits.frameDepthMax): MsgpackDecoder {
  const { frameKeysMax: namesMax, frameBytesMax: bytesMax } = limits
  return createDecoder({ depthMax, nodesMax, namesMax, bytesMax })
}

function decodeArray(decoder: MsgpackDecoder, bytes: Uint8Array): readonly unknown[] {
  let value: unknown
  try {
    value = decoder.decode(bytes)
  } catch (thrown) {
    const told = thrown instanceof MillraceError ? thrown.details['reason'] : undefined
    return invalidFrame(told === undefined ? reasonOf(thrown) : String(told), thrown)
  }
  return check.list(value, 'frame')
}

function decodeHello(hello: check.WireMap): ClientFrame {
  return {
    kind: 'hello',
    version: check.integer(hello['v'], 'v'),
    producer: check.optional(hello['producer'], 'producer', check.producer),
    epoch: check.optional(hello['epoch'], 'epoch', check.integer),
    sdk: check.optional(hello['sdk'], 'sdk', check.text),
    ...incarnationOf(hello),
  }
}

function decodeWelcome(welcome: check.WireMap): ServerFrame {
  const bounded = check.map(welcome['limits'], 'limits')
  const bounds: FrameLimits = {
    frameBytes: check.integer(bounded['frameBytes'], 'frameBytes'),
    batchEvents: check.integer(bounded['batchEvents'], 'batchEvents'),
    eventBytes: check.integer(bounded['eventBytes'], 'eventBytes'),
  }
  return {
    kind: 'welcome',
    version: check.integer(welcome['v'], 'v'),
    server: check.text(welcome['server'], 'server'),
    ...incarnationOf(welcome),
    producer: check.optional(welcome['producer'], 'producer', check.producer),
    epoch: check.optional(welcome['epoch'], 'epoch', check.integer),
    isExpired: welcome['expired'] === true,
    lastSequence: check.optional(welcome['lastSeq'], 'lastSeq', check.sequenceOrNone),
    credits: decodeCredits(welcome['credits'], 'credits'),
    limits: bounds,
    heartbeatMs: check.integer(welcome['heartbeatMs'], 'heartbeatMs'),
    sources: check.list(welcome['sources'], 'sources').map((name) => check.text(name, 'source')),
    services: check
      .list(welcome['services'], 'services')
      .map((name) => check.text(name, 'service')),
  }
}

function incarnationOf(frame: check.WireMap): { readonly incarnation?: string } {
  const incarnation = check.optional(frame['incarnation'], 'incarnation', check.text)
  return incarnation === null ? {} : { incarnation }
}

function decodeCredits(value: unknown, what: string): Credits {
  const credits = check.map(value, what)
  return {
    events: check.integer(credits['events'], 'credits.events'),
    bytes: check.integer(credits['bytes'], 'credits.bytes'),
  }
}

function decodeAck(frame: readonly unknown[]): ServerFrame {
  const extra = check.map(frame[2], 'ACK')
  const rejects = check.optional(extra['rejects'], 'rejects', check.list) ?? []
  return {
    kind: 'ack',
    upTo: check.sequenceOrNone(frame[1], 'upTo'),
    credits: check.optional(extra['credits'], 'credits', decodeCredits),
    duplicates: check.optional(extra['duplicates'], 'duplicates', check.integer) ?? 0,
    rejections: rejects.map((value) => {
      const reject = check.list(value, 'reject')
      return {
        sequence: check.integer(reject[0], 'sequence'),
        code: check.text(reject[1], 'code'),
        path: check.text(reject[2], 'path'),
        message: check.text(reject[3], 'message'),
      }
    }),
  }
}

function decodeNack(frame: readonly unknown[]): ServerFrame {
  return {
    kind: 'nack',
    sequence: check.integer(frame[1], 'sequence'),
    code: check.text(frame[2], 'code'),
    message: check.text(frame[3], 'message'),
    expected: check.optional(frame[4], 'expected', check.integer),
    retryAfterMs: check.optional(frame[5], 'retryAfterMs', check.integer),
  }
}

function wireCredits({ events, bytes }: Credits): object {
  return { events: wireInteger(events), bytes: wireInteger(bytes) }
}
