/**
 * A value that differs, event by event: which events of the key there are, what became of each when
 * it was counted again, and what the feature came to with it.
 */
import { explainedEventsMax } from '../base/limits.ts'
import type { Catalog, Feature, View } from '../model/catalog.ts'
import type { Difference, ExplainedEvent } from '../model/certificate.ts'
import { catalogOfHistory } from '../model/history.ts'
import { originOf, originText } from '../model/origins.ts'
import { eventsAt } from '../model/payload.ts'
import { formatTimestamp, nsOf } from '../model/timestamp.ts'
import type { DataType } from '../model/types.ts'
import { jsonObject, toJson, type Json } from '../serve/json.ts'
import { isProblem } from '../validate/decoder.ts'
import { createEventReader, type EventReader } from '../validate/event-reader.ts'
import type { Answer, StatedValue } from './answer.ts'
import type { CountedBatch } from './logged-past.ts'
import type { Shadow, ShadowedBatch } from './shadow.ts'

/** An event of the key, while it is not known yet which feature differs. */
interface ToldEvent extends Omit<ExplainedEvent, 'time' | 'value' | 'after'> {
  readonly bytes: Uint8Array
  readonly reader: EventReader
  /** What each feature comes to with it. */
  readonly values: readonly StatedValue[]
}

/**
 * @param answer  To one key, which differs.
 * @param shadow  Empty, and of that key alone.
 * @param read  Reads the events from the beginning; fills in the names of producers.
 */
export async function explain(
  catalog: Catalog,
  answer: Answer,
  shadow: Shadow,
  read: (producers: Map<number, string>) => AsyncIterable<CountedBatch>,
): Promise<Difference> {
  const { view } = answer
  const readers = readersOf(catalog, view)
  const producers = new Map<number, string>()
  let told: readonly ToldEvent[] = []
  let eventsBefore = 0
  for await (const batch of read(producers)) {
    if (batch.position > answer.after) break
    const values: (readonly StatedValue[])[] = []
    // Of a view at the wall clock nothing is let go before its time here.
    const done = shadow.applyEach(batch, view, () => values.push(answer.counted(0, shadow)))
    if (done === null) continue
    const producer = producers.get(batch.producer) ?? String(batch.producer)
    const reader = readers[batch.backfill === null && batch.sequences === null ? 0 : 1]
    const all = [...told, ...toldEvents(batch, done, { producer, reader, values, view })]
    const more = Math.max(0, all.length - explainedEventsMax)
    told = all.slice(more)
    eventsBefore += more
  }
  const counted = answer.counted(0, shadow)
  const place = answer.firstDifference(0, shadow) ?? 0
  const feature = view.features[place]!
  const json = (of: StatedValue) => ({ state: of.state, value: toJson(feature.type, of.value) })
  const { fields } = catalog.sources[view.source]!
  const key = answer.asked[0]!.values
  const { edgeMs, edgeNs } = answer.edgeOf(0)
  return {
    view: view.name,
    feature: feature.name,
    key: jsonObject(view.joinKeys.map(({ name, type }) => [name, toJson(type, key[name]!)])),
    edge: formatTimestamp(nsOf(edgeMs, edgeNs)),
    served: json(answer.served(0, place)),
    counted: json(counted[place]!),
    events: told.map(({ bytes, reader, values, ...rest }) => ({
      ...rest,
      ...contentOf({ bytes, reader, verdict: rest.verdict }, feature, fields),
      after: json(values[place]!),
    })),
    eventsBefore,
  }
}

/** Of events as they are pushed, and as their post-processor has made them. */
function readersOf(catalog: Catalog, { source }: View): readonly [EventReader, EventReader] {
  const past = catalogOfHistory(catalog)
  return [
    createEventReader(catalog, catalog.sources[source]!),
    createEventReader(past, past.sources[source]!),
  ]
}

function toldEvents(
  batch: CountedBatch,
  done: ShadowedBatch,
  about: Pick<ToldEvent, 'producer' | 'reader'> & {
    readonly values: readonly ToldEvent['values'][]
    readonly view: View
  },
): readonly ToldEvent[] {
  const { position, epoch, sequence, arrivalMs, payload, backfill, sequences } = batch
  const { producer, reader, values, view } = about
  const events = eventsAt(payload, done.places)
  return done.places.map((at, n) => ({
    position,
    producer,
    epoch,
    sequence: sequences?.[at] ?? sequence + at,
    origin: backfill === null ? null : originText(originOf(backfill.origins, at)),
    arrived: new Date(arrivalMs).toISOString(),
    verdict: verdictOf(done, at, view),
    // Those of the batch are gone with the next one.
    bytes: Uint8Array.from(events[n]!),
    reader,
    values: values[n]!,
  }))
}

/** What the event itself says. */
function contentOf(
  { bytes, reader, verdict }: Pick<ToldEvent, 'bytes' | 'reader' | 'verdict'>,
  feature: Feature,
  fields: readonly { readonly name: string; readonly type: DataType }[],
): { readonly time: string | null; readonly value: Json } {
  // To read it may be what ends a thread.
  const event = verdict === 'EVENT_POISON' ? null : reader(bytes, 0, bytes.length)
  if (event === null || isProblem(event)) return { time: null, value: null }
  const field = fields.find(({ name }) => name === feature.column)
  return {
    time: formatTimestamp(nsOf(event.timeMs, event.timeNs)),
    value: field === undefined ? null : toJson(field.type, event.values[field.name] ?? null),
  }
}

function verdictOf({ uncounted, counted }: ShadowedBatch, place: number, { name }: View): string {
  if (uncounted.duplicates.includes(place)) return 'duplicate'
  const rejected = uncounted.rejections.find(({ index }) => index === place)
  const late = uncounted.partly.find(({ index, views }) => index === place && views.includes(name))
  const code = rejected?.code ?? late?.code
  return code ?? (counted.has(place) ? 'counted' : 'left-out')
}
