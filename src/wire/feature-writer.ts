/**
 * FEATURES, written by hand: the answer to a READ may hold thousands of rows.
 *
 * Most of a row is the same as in the one before: all features of a view have one newest event and
 * one edge, and nearly always one state. What is the same is encoded once and copied. A float goes
 * out in its nine bytes, whatever its value; lists, maps and text take the way of the library.
 *
 * Thread: main.
 */
import { assert } from '../base/assert.ts'
import type {
  FeatureRow,
  FeatureState,
  QueriedFeatureTable,
  TypedFeatureTable,
} from '../model/contracts.ts'
import { createEncoder, wireInteger } from '../model/msgpack.ts'
import type { DataType } from '../model/types.ts'
import { wireValue } from './features.ts'
import { frameType } from './frames.ts'

const encoder = createEncoder()

/** Room to begin with, bytes; what grew beyond the second is given back after the frame. */
const roomBytes = 64 * 1024
const roomKeptBytes = 1024 * 1024

/** Of one element but text, lists and maps, and of the head of any array. */
const elementBytesMax = 16
const headBytesMax = 5

let bytes = Buffer.allocUnsafe(roomBytes)
let at = 0

/** The frame as a copy of its own. */
export function encodeFeatures(
  id: number,
  table: TypedFeatureTable | QueriedFeatureTable,
): Uint8Array {
  const { names, types, rows } = table
  assert(types.length === names.length, 'one type per feature')
  at = 0
  const head = 'keys' in table ? { names, keys: wireKeys(table) } : { names }
  append(encoder.encodeSharedRef([frameType.features, wireInteger(id), { ...head, rows: [] }]))
  // Its last byte is the empty array, in the place of which the rows come.
  at -= 1
  reserve(headBytesMax)
  writeArrayHead(rows.length)
  for (const row of rows) writeRow(row, types)
  const frame = Uint8Array.prototype.slice.call(bytes, 0, at)
  if (bytes.length > roomKeptBytes) bytes = Buffer.allocUnsafe(roomBytes)
  return frame
}

function wireKeys({ joinKeys, keys }: QueriedFeatureTable): object[] {
  return keys.map((values) =>
    Object.fromEntries(joinKeys.map(({ name, type }, n) => [name, wireValue(values[n], type)])),
  )
}

function writeRow(row: FeatureRow, types: readonly DataType[]): void {
  const { values, states, newestNs, edgeNs, failures } = row
  const width = types.length
  reserve(width * 3 * elementBytesMax + 5 * headBytesMax)
  bytes[at++] = failures === undefined ? 0x94 : 0x95
  writeArrayHead(width)
  for (let i = 0; i < width; i++) writeValue(values[i], types[i]!, width - i)
  reserve(width * 3 * elementBytesMax + 4 * headBytesMax)
  writeArrayHead(width)
  writeStates(states)
  writeArrayHead(width)
  writeInstants(newestNs)
  writeArrayHead(width)
  writeInstants(edgeNs)
  if (failures !== undefined) append(encoder.encodeSharedRef(failures))
}

/** @param left  Elements of the row's values from here on, for which there is room. */
function writeValue(value: unknown, type: DataType, left: number): void {
  if (value === null || value === undefined) bytes[at++] = 0xc0
  else if (typeof value === 'number' && type.kind !== 'Int32') {
    bytes[at] = 0xcb
    bytes.writeDoubleBE(value, at + 1)
    at += 9
  } else if (typeof value === 'bigint') {
    if (type.kind === 'Timestamp') writeInstant(value)
    else {
      bytes[at] = value < 0n ? 0xd3 : 0xcf
      bytes.writeBigInt64BE(value, at + 1)
      at += 9
    }
  } else {
    append(encoder.encodeSharedRef(wireValue(value, type)))
    reserve(left * elementBytesMax)
  }
}

/** By state: its text. */
const stateBytes = new Map<FeatureState, Uint8Array>()

function writeStates(states: readonly FeatureState[]): void {
  for (let i = 0; i < states.length;) {
    const state = states[i]!
    let text = stateBytes.get(state)
    if (text === undefined) stateBytes.set(state, (text = encoder.encode(state)))
    const from = at
    bytes.set(text, at)
    at += text.length
    const same = i
    while (++i < states.length && states[i] === state);
    repeat(from, i - same)
  }
}

/** Null is nil. */
function writeInstants(instants: readonly (bigint | null)[]): void {
  for (let i = 0; i < instants.length;) {
    const ns = instants[i]!
    const from = at
    if (ns === null) bytes[at++] = 0xc0
    else writeInstant(ns)
    const same = i
    while (++i < instants.length && instants[i] === ns);
    repeat(from, i - same)
  }
}

/** Makes of what stands from `from` on so many of the same, one behind the other. */
function repeat(from: number, count: number): void {
  const end = from + (at - from) * count
  while (at < end) {
    const length = Math.min(at - from, end - at)
    bytes.copyWithin(at, from, from + length)
    at += length
  }
}

/** The shortest of the three forms of a timestamp; the instant is within 64 bits. */
function writeInstant(instantNs: bigint): void {
  let seconds = Number(instantNs / 1_000_000_000n)
  let ns = Number(instantNs % 1_000_000_000n)
  if (ns < 0) {
    ns += 1_000_000_000
    seconds -= 1
  }
  if (seconds >= 0 && seconds < 2 ** 32 && ns === 0) {
    bytes[at] = 0xd6
    bytes[at + 1] = 0xff
    bytes.writeUInt32BE(seconds, at + 2)
    at += 6
  } else if (seconds >= 0 && seconds < 2 ** 34) {
    bytes[at] = 0xd7
    bytes[at + 1] = 0xff
    // 30 bits of ns, then 34 of seconds.
    bytes.writeUInt32BE(ns * 4 + Math.floor(seconds / 2 ** 32), at + 2)
    bytes.writeUInt32BE(seconds % 2 ** 32, at + 6)
    at += 10
  } else {
    bytes[at] = 0xc7
    bytes[at + 1] = 12
    bytes[at + 2] = 0xff
    bytes.writeUInt32BE(ns, at + 3)
    bytes.writeBigInt64BE(BigInt(seconds), at + 7)
    at += 15
  }
}

function writeArrayHead(length: number): void {
  if (length < 16) bytes[at++] = 0x90 | length
  else if (length < 2 ** 16) {
    bytes[at] = 0xdc
    bytes.writeUInt16BE(length, at + 1)
    at += 3
  } else {
    bytes[at] = 0xdd
    bytes.writeUInt32BE(length, at + 1)
    at += 5
  }
}

function append(encoded: Uint8Array): void {
  reserve(encoded.length)
  bytes.set(encoded, at)
  at += encoded.length
}

function reserve(more: number): void {
  if (at + more <= bytes.length) return
  const grown = Buffer.allocUnsafe(Math.max(at + more, bytes.length * 2))
  grown.set(bytes.subarray(0, at))
  bytes = grown
}
