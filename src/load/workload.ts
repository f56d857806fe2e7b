/**
 * The events of a load, as WebSocket messages that are ready to be written to a socket.
 *
 * Which event is the n-th follows from the seed and n alone, so that what was sent can be told
 * again afterwards without having been kept; only event times and event ids follow from the clock.
 * Messages stand ready; making the one of a frame is a copy, in which the sequence and the keys,
 * ids and times of the events are written over what stands there. That costs some ten ns an event.
 */
import { createKeyDraw } from './keys.ts'
import { maskWord, type Message } from './message.ts'
import { idPatch, keyPatch, timePatch, type Disorder, type FrameFacts } from './patch.ts'
import { createRandom, randomAt, seedFor } from './random.ts'
import type { Target, TargetField } from './target.ts'
import { createTemplates, type Column } from './templates.ts'
import { drawValue } from './values.ts'

export interface WorkloadOptions {
  readonly target: Target
  /** Different entity keys, at most 10⁸. */
  readonly keys: number
  /** Exponent of Zipf's law for the keys; 0 is uniform. */
  readonly zipf: number
  readonly frameEvents: number
  /** Events whose event time lies back, 0 to 1, and how far at most, ms. @defaultValue none */
  readonly disorder?: { readonly share: number; readonly msMax: number }
  /** Frames that are sent twice, 0 to 1. @defaultValue 0 */
  readonly duplicates?: number
  readonly seed: number
  /** Wall time, ms: what tells the event ids of this run from those of others. */
  readonly startMs: number
}

export interface Workload {
  readonly source: string
  readonly frameEvents: number
  /** Bytes of the longest message. */
  readonly messageBytesMax: number
  /** Mean bytes of an event's msgpack. */
  readonly eventBytes: number
  /**
   * Makes the message with the n-th frame of the run.
   *
   * @param target  Of `messageBytesMax` bytes.
   * @param sequence  Of its first event, on the connection that it is sent on.
   * @param timeMs  Event time of its first event; they are 99 ns apart, disorder left out.
   * @returns the bytes of the message.
   */
  write(target: Message, n: number, sequence: number, timeMs: number): number
  /** Whether the n-th frame is sent twice. */
  isRepeated(n: number): boolean
  /** Number of the entity key of event `index` of frame `n`. */
  keyOf(n: number, index: number): number
  /** What event `index` of frame `n` has in a field whose value is drawn or fixed. */
  valueOf(field: string, n: number, index: number): unknown
}

/** Events that are encoded, at least: enough that their values differ. */
const encodedEventsMin = 16_384

export function createWorkload(options: WorkloadOptions): Workload {
  const { target, keys, zipf, frameEvents, seed, duplicates = 0 } = options
  const keyDraw = createKeyDraw({ keys, zipf, seed: seedFor(seed, 'keys') })
  const repeatSeed = seedFor(seed, 'duplicates')
  const frames = Math.ceil(encodedEventsMin / frameEvents)
  const columns = target.fields.map((field) => columnOf(field, options, frames * frameEvents))
  const { messages, eventsBytes, sequenceAt, patches } = createTemplates(
    target.source,
    columns,
    frames,
    frameEvents,
  )
  const frameKeys = new Uint32Array(frameEvents)

  return {
    source: target.source,
    frameEvents,
    messageBytesMax: messages.reduce((max, { length }) => Math.max(max, length), 0),
    eventBytes: eventsBytes / frames / frameEvents,
    write({ bytes, view }, n, sequence, timeMs) {
      const frame = n % frames
      const message = messages[frame]!
      bytes.set(message)
      const at = sequenceAt[frame]!
      view.setUint32(at, Math.floor(sequence / 2 ** 32) ^ maskWord)
      view.setUint32(at + 4, sequence ^ maskWord)
      const first = n * frameEvents
      keyDraw.drawInto(frameKeys, first)
      const facts: FrameFacts = { first, count: frameEvents, timeMs, keys: frameKeys }
      for (const { patch, places } of patches) {
        patch.write(view, places, frame * frameEvents, facts)
      }
      return message.length
    },
    isRepeated: (n) => duplicates > 0 && randomAt(repeatSeed, n) < duplicates,
    keyOf: (n, index) => keyDraw.at(n * frameEvents + index),
    valueOf(field, n, index) {
      const column = columns.find(({ name }) => name === field)!
      return column.valueOf((n % frames) * frameEvents + index)
    },
  }
}

/** A field of the events that are encoded, so many. */
function columnOf(field: TargetField, options: WorkloadOptions, count: number): Column {
  const { name, type, role, fixed } = field
  const { seed, startMs, disorder = { share: 0, msMax: 0 } } = options
  if (fixed !== undefined) return { name, valueOf: () => fixed, patch: null }
  const patched = { name, valueOf: () => undefined }
  switch (role) {
    case 'join-key':
      return { ...patched, patch: keyPatch(name, type) }
    case 'event-id':
      return { ...patched, patch: idPatch(type, startMs) }
    case 'time': {
      const drawn: Disorder = { ...disorder, seed: seedFor(seed, 'disorder') }
      return { ...patched, patch: timePatch(drawn) }
    }
    case 'value': {
      const random = createRandom(seedFor(seed, `field ${name}`))
      const values = Array.from({ length: count }, () => drawValue(type, random, startMs))
      return { name, valueOf: (n) => values[n], patch: null }
    }
  }
}
