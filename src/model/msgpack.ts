/**
 * The one place that makes msgpack codecs, so that every stage reads and writes the same dialect.
 *
 * The dialect: map keys are strings and come once, 64-bit integers are `bigint`, instants are the
 * standard timestamp extension kept to the nanosecond, no other extension exists, strings are
 * plain UTF-8. A decoder first skims: bytes that would allocate more than they are worth are
 * refused before the library sees them.
 *
 * @see the msgpack specification, github.com/msgpack/msgpack/blob/master/spec.md
 */
import { Decoder, Encoder, ExtData, EXT_TIMESTAMP, type ExtensionCodecType } from '@msgpack/msgpack'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { refused, skim, type MsgpackLimits } from './skim.ts'

export { eventMsgpackLimits, type MsgpackLimits } from './skim.ts'

/** An instant as it came in a timestamp extension: nanoseconds since 1970-01-01 UTC. */
export class MsgpackTimestamp {
  readonly ns: bigint

  constructor(ns: bigint) {
    this.ns = ns
  }
}

export interface MsgpackDecoder {
  /**
   * Decodes the one value that fills `bytes[start, end)`; binaries in it are views of `bytes`.
   *
   * @throws MillraceError `EVENT_DECODE`, whatever is wrong; the reason has no value of the input.
   */
  decode(bytes: Uint8Array, start?: number, end?: number): unknown
}

/** Limits of a decoder whose bytes may come from anybody. */
export interface DecoderLimits extends MsgpackLimits {
  /**
   * Different keys, over all maps of one value: a new one costs twenty times what one costs that
   * came before.
   * @defaultValue as many as values
   */
  readonly namesMax?: number
}

export function createDecoder(limits: DecoderLimits): MsgpackDecoder {
  const { namesMax = Infinity } = limits
  const names = new Set<string>()
  let keys = 0
  const decoder = new Decoder({
    useBigInt64: true,
    maxStrLength: limits.bytesMax,
    maxBinLength: limits.bytesMax,
    maxExtLength: 12,
    maxArrayLength: limits.nodesMax,
    maxMapLength: limits.nodesMax,
    extensionCodec: timestampCodec,
    mapKeyConverter(key) {
      if (typeof key !== 'string') throw refused('a map key is not a string')
      keys += 1
      if (namesMax < Infinity && names.add(key).size > namesMax) {
        throw refused(`more than ${namesMax} different keys`)
      }
      return key
    },
  })
  return {
    decode(bytes, start = 0, end = bytes.length) {
      if (skim(bytes, start, end, limits) !== end) throw refused('bytes follow the value')
      keys = 0
      names.clear()
      let value: unknown
      try {
        value = decoder.decode(bytes.subarray(start, end))
      } catch (thrown) {
        throw thrown instanceof MillraceError ? thrown : refused(reasonOf(thrown), thrown)
      }
      // The library lets the last of equal keys win; a reader of the bytes may let the first.
      if (keysOf(value) !== keys) throw refused('a name comes twice')
      return value
    },
  }
}

/**
 * An encoder of the same dialect: `bigint` → 64-bit integer, `Date` and {@link MsgpackTimestamp} →
 * timestamp extension. `encode` gives a copy; `encodeSharedRef` a view, valid until the next call.
 * A `number` beyond 32 bits becomes a float: {@link wireInteger} makes an integer of it.
 *
 * The encoder throws MillraceError `EVENT_DECODE` for a value that would lose data on the way, such
 * as a `Map` or an integer beyond 64 bits.
 */
export function createEncoder(): Encoder {
  return new Encoder({ useBigInt64: true, maxDepth: 32, extensionCodec: timestampCodec })
}

/** An integer, in the form that the encoder writes as a msgpack integer. */
export function wireInteger(integer: number): number | bigint {
  return integer >= -0x80000000 && integer < 0x100000000 ? integer : BigInt(integer)
}

/** Number of keys of every map in a decoded value. */
function keysOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  if (value instanceof MsgpackTimestamp || ArrayBuffer.isView(value)) return 0
  let keys = 0
  if (Array.isArray(value)) {
    for (const element of value) keys += keysOf(element)
    return keys
  }
  for (const key in value) keys += 1 + keysOf((value as Record<string, unknown>)[key])
  return keys
}

const timestampCodec: ExtensionCodecType<undefined> = {
  decode(data, type) {
    if (type !== EXT_TIMESTAMP) throw refused(`extension type ${type} is unknown`)
    return new MsgpackTimestamp(decodeTimestamp(data))
  },
  tryToEncode(object) {
    if (object instanceof MsgpackTimestamp) return encodeTimestamp(object.ns)
    if (object instanceof Date) {
      const ms = object.getTime()
      if (Number.isNaN(ms)) throw refused('a Date is invalid')
      return encodeTimestamp(BigInt(ms) * 1_000_000n)
    }
    if (object instanceof Map || object instanceof Set) {
      throw refused('a Map or Set cannot be encoded; use an object or an array')
    }
    // The library would cut them to 64 bits in silence.
    if (Array.isArray(object)) {
      for (const element of object) checkInteger(element)
    } else if (typeof object === 'object' && object !== null && !ArrayBuffer.isView(object)) {
      for (const key in object) checkInteger((object as Record<string, unknown>)[key])
    }
    return null
  },
}

function checkInteger(value: unknown): void {
  if (typeof value !== 'bigint') return
  if (value >= 1n << 64n || value < -(1n << 63n)) throw refused('an integer is beyond 64 bits')
}

function decodeTimestamp(data: Uint8Array): bigint {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let seconds: bigint
  let ns = 0n
  switch (data.byteLength) {
    case 4:
      return BigInt(view.getUint32(0)) * 1_000_000_000n
    case 8: {
      const both = view.getBigUint64(0)
      ns = both >> 34n
      seconds = both & 0x3ffffffffn
      break
    }
    case 12:
      ns = BigInt(view.getUint32(0))
      seconds = view.getBigInt64(4)
      break
    default:
      throw refused(`a timestamp has ${data.byteLength} bytes`)
  }
  if (ns > 999_999_999n) throw refused('a timestamp has a whole second of nanoseconds')
  return seconds * 1_000_000_000n + ns
}

/** The shortest of the three forms; `ns` within 64 bits of seconds. */
function encodeTimestamp(instantNs: bigint): ExtData {
  const ns = ((instantNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const seconds = (instantNs - ns) / 1_000_000_000n
  if (seconds >= 0n && seconds <= 0x3ffffffffn) {
    if (ns === 0n && seconds <= 0xffffffffn) {
      const data = new Uint8Array(4)
      new DataView(data.buffer).setUint32(0, Number(seconds))
      return new ExtData(EXT_TIMESTAMP, data)
    }
    const data = new Uint8Array(8)
    new DataView(data.buffer).setBigUint64(0, (ns << 34n) | seconds)
    return new ExtData(EXT_TIMESTAMP, data)
  }
  const data = new Uint8Array(12)
  const view = new DataView(data.buffer)
  view.setUint32(0, Number(ns))
  view.setBigInt64(4, seconds)
  return new ExtData(EXT_TIMESTAMP, data)
}
