/**
 * Entries of the ledger as JSON.
 *
 * An event is shown decoded where it can be: by its bytes alone, because what it should have been
 * is what is in doubt. Where it cannot, its bytes go out in base64.
 */
import { createDecoder, eventMsgpackLimits, MsgpackTimestamp } from '../model/msgpack.ts'
import { isWireMap } from '../model/convert.ts'
import { floatJson } from '../model/float-json.ts'
import type { LedgerEntry, LedgerPage } from '../model/ledger.ts'
import { formatTimestamp } from '../model/timestamp.ts'
import { jsonObject, type Json } from './json.ts'

/** Instants that have a form in RFC 3339: the years 0 to 9999. */
const timestampNsMin = -62_167_219_200_000_000_000n
const timestampNsMax = 253_402_300_799_999_999_999n

const decoder = createDecoder(eventMsgpackLimits)

export function ledgerBody({ entries, next }: LedgerPage): object {
  return { entries: entries.map(entryJson), next }
}

function entryJson(entry: LedgerEntry): object {
  const { id, arrivalMs, producer, epoch, sequence, source, code, path, message, views } = entry
  return {
    id,
    arrived: new Date(arrivalMs).toISOString(),
    producer,
    epoch,
    sequence,
    source,
    code,
    path,
    message,
    missedBy: views,
    isPartial: views.length > 0,
    isReplayed: entry.isReplayed,
    replayOf: entry.replayOf,
    ...eventJson(entry.event),
  }
}

function eventJson(bytes: Uint8Array): { event: Json } | { base64: string } {
  try {
    const value = decoder.decode(bytes)
    if (isWireMap(value)) return { event: wireJson(value) }
  } catch {
    // What is wrong with it is in the entry.
  }
  return { base64: base64(bytes) }
}

/** The JSON form of a decoded value of no known type. */
function wireJson(value: unknown): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return floatJson(value)
  if (typeof value === 'bigint') return integerJson(value)
  if (value instanceof MsgpackTimestamp) return timestampJson(value.ns)
  if (value instanceof Uint8Array) return base64(value)
  if (Array.isArray(value)) return value.map(wireJson)
  return jsonObject(Object.entries(value as object).map(([name, each]) => [name, wireJson(each)]))
}

/** A number where JSON has it exactly. */
function integerJson(value: bigint): Json {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}

function timestampJson(ns: bigint): Json {
  return ns < timestampNsMin || ns > timestampNsMax ? `${ns} ns` : formatTimestamp(ns)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}
