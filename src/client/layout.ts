/**
 * What the schema of a source tells an encoder about its events before it has seen one: the names
 * of their fields, as the msgpack that stands before each value, and what kind of value follows.
 *
 * A layout is a guess that is right nearly always, and never decides what is sent: a value of
 * another kind, a field that is not in the schema or an event in another order are encoded as
 * without it, to the same bytes. Names are kept as words of four bytes, which are written whole;
 * what is too much of the last one is overwritten by the value.
 */
import { nameLengthMax } from '../base/limits.ts'
import type { Fields, FieldSchema } from '../define/types.ts'
import type { DataType } from '../model/types.ts'
import {
  scalarBytesMax,
  shortTextHeadBytes,
  shortTextMax,
  writeNumber,
  writeShortText,
  writeTime,
} from '../model/scalars.ts'

/** How the values of a field are written first; what does not suit goes the general way. */
export type ValueForm = 'text' | 'number' | 'time' | 'flag' | 'other'

/** One field of the schema. */
export interface Slot {
  readonly name: string
  readonly form: ValueForm
  /** Bytes of the name, its head included. */
  readonly nameBytes: number
  /** The first twelve of these bytes: three big-endian words, zeros behind the end. */
  readonly word0: number
  readonly word1: number
  readonly word2: number
  /** The words that follow them; none for most names. */
  readonly more: readonly number[]
}

/** Fields beyond which a schema has no layout: the room for an event would be too much. */
const fieldsMax = 256

/** Bytes that a value written by its form takes at most; words of the name reach as far. */
const valueBytesMax = Math.max(scalarBytesMax, shortTextHeadBytes + shortTextMax)

export class EventLayout {
  /** `slots[n]` of the n-th field that the next event is expected to have. */
  readonly slots: Slot[]
  /** Bytes of the head of the event's map. */
  readonly headBytes: number
  /** Bytes of an event and its `bin`, as long as every value is written by its form. */
  readonly bytesMax: number
  readonly #slotOf: ReadonlyMap<string, Slot>

  constructor(slots: Slot[]) {
    this.slots = slots
    this.#slotOf = new Map(slots.map((slot) => [slot.name, slot]))
    this.headBytes = slots.length < 16 ? 1 : 3
    const fieldBytes = slots.map(({ nameBytes }) => nameBytes + valueBytesMax)
    this.bytesMax = 2 + this.headBytes + fieldBytes.reduce((sum, bytes) => sum + bytes, 0)
  }

  /**
   * The field that an event has in another place than expected; the next one is expected to have it
   * there, too.
   *
   * @returns undefined when the schema has no such field.
   */
  moved(place: number, name: string): Slot | undefined {
    const slot = this.#slotOf.get(name)
    if (slot !== undefined) this.slots[place] = slot
    return slot
  }
}

/** What is known of a source that a caller passes; untyped callers may pass anything. */
export interface SourceShape {
  readonly schema?: Fields
  readonly inputSchema?: Fields | undefined
}

/** By source, so that it is made once. */
const layouts = new WeakMap<SourceShape, EventLayout | null>()

/** The layout of the events that producers push into a source; null when its schema tells none. */
export function layoutOf(source: SourceShape): EventLayout | null {
  let layout = layouts.get(source)
  if (layout === undefined) {
    layout = createLayout(source.inputSchema ?? source.schema)
    layouts.set(source, layout)
  }
  return layout
}

/** Writes the name that stands before a value, in whole words: what is too much is overwritten. */
export function writeName(view: DataView, at: number, slot: Slot): number {
  view.setUint32(at, slot.word0)
  view.setUint32(at + 4, slot.word1)
  view.setUint32(at + 8, slot.word2)
  const { more } = slot
  for (let i = 0; i < more.length; i++) view.setUint32(at + 12 + 4 * i, more[i]!)
  return at + slot.nameBytes
}

/**
 * Writes a value by the form that its field leads one to expect.
 *
 * @returns -1 when the value is not of that form; bytes behind `at` may have been written then.
 */
export function writeByForm(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  form: ValueForm,
  value: unknown,
): number {
  switch (form) {
    case 'text':
      return typeof value === 'string' ? writeShortText(bytes, at, value) : -1
    case 'number':
      return typeof value === 'number' ? writeNumber(bytes, view, at, value) : -1
    case 'time':
      return value instanceof Date ? writeDate(bytes, view, at, value) : -1
    case 'flag':
      if (typeof value !== 'boolean') return -1
      bytes[at] = value ? 0xc3 : 0xc2
      return at + 1
    case 'other':
      return -1
  }
}

function writeDate(bytes: Uint8Array, view: DataView, at: number, value: Date): number {
  const ms = value.getTime()
  return Number.isNaN(ms) ? -1 : writeTime(bytes, view, at, ms)
}

function createLayout(schema: Fields | undefined): EventLayout | null {
  const fields: [string, Partial<FieldSchema> | null][] = Object.entries(schema ?? {})
  if (fields.length === 0 || fields.length > fieldsMax) return null
  if (fields.some(([name]) => name.length > nameLengthMax || !/^\w+$/.test(name))) return null
  return new EventLayout(fields.map(([name, type]) => slotOf(name, type?.millrace)))
}

function slotOf(name: string, type: DataType | undefined): Slot {
  const head = name.length < 32 ? [0xa0 | name.length] : [0xd9, name.length]
  const nameBytes = head.length + name.length
  const bytes = Buffer.alloc(Math.max(12, Math.ceil(nameBytes / 4) * 4))
  bytes.set(head)
  bytes.write(name, head.length, 'latin1')
  const words = Array.from({ length: bytes.length / 4 }, (_, n) => bytes.readUInt32BE(4 * n))
  const [word0, word1, word2, ...more] = words as [number, number, number, ...number[]]
  return { name, form: formOf(type), nameBytes, word0, word1, word2, more }
}

function formOf(type: DataType | undefined): ValueForm {
  switch (type?.kind) {
    case 'String':
      return 'text'
    case 'Int64':
    case 'Int32':
    case 'Float64':
    case 'Float32':
      return 'number'
    case 'Timestamp':
      return 'time'
    case 'Bool':
      return 'flag'
    default:
      return 'other'
  }
}
