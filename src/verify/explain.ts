/**
 * A value that differs, event by event: which events of the key there are, what became of each when
 * it was counted again, and what the feature came to with it.
 */
import { explainedBatchesMax } from '../base/limits.ts'
import type { ReplayedBatch } from '../journal/replay.ts'
import type { Catalog, Feature } from '../model/catalog.ts'
import type { Difference, ExplainedEvent } from '../model/certificate.ts'
import { eventsAt } from '../model/payload.ts'
import { formatTimestamp, nsOf } from '../model/timestamp.ts'
import type { DataType } from '../model/types.ts'
import { jsonObject, toJson, type Json } from '../serve/json.ts'
import { isProblem } from '../validate/decoder.ts'
import { createEventReader } from '../validate/event-reader.ts'
import type { Answer, StatedValue } from './answer.ts'
import type { Shadow, ShadowedBatch } from './shadow.ts'

/**
 * @param answer  To one key, which differs.
 * @param shadow  Empty, and of that key alone.
 * @param read  Reads the journal from its beginning; fills in the names of producers.
 */
export async function explain(
  catalog: Catalog,
  answer: Answer,
  shadow: Shadow,
  read: (producers: Map<number, string>) => AsyncIterable<ReplayedBatch>,
): Promise<Difference> {
  const { view } = answer
  const producers = new Map<number, string>()
  const source = catalog.sources[view.source]!
  const reader = createEventReader(catalog, source)
  const told: {
    readonly batch: ReplayedBatch
    readonly done: ShadowedBatch
    readonly values: readonly StatedValue[]
  }[] = []
  let eventsBefore = 0
  for await (const batch of read(producers)) {
    if (batch.position > answer.after) break
    for (const done of shadow.apply(batch)) {
      if (done.route !== view.route) continue
      // Of a view at the wall clock nothing is let go before its time here.
      const values = answer.counted(0, shadow)
      const payload = Uint8Array.from(batch.payload)
      told.push({ batch: { ...batch, payload }, done, values })
    }
    while (told.length > explainedBatchesMax) eventsBefore += told.shift()!.done.places.length
  }
  const counted = answer.counted(0, shadow)
  const place = answer.firstDifference(0, shadow) ?? 0
  const feature = view.features[place]!
  const json = (of: StatedValue) => ({ state: of.state, value: toJson(feature.type, of.value) })
  const events = told.flatMap(({ batch, done, values: after }) => {
    const bytes = eventsAt(batch.payload, done.places)
    return done.places.map((at, n): ExplainedEvent => {
      const event = reader(bytes[n]!, 0, bytes[n]!.length)
      const isRead = event !== null && !isProblem(event)
      return {
        position: batch.position,
        producer: producers.get(batch.producer) ?? String(batch.producer),
        epoch: batch.epoch,
        sequence: batch.sequence + at,
        arrived: new Date(batch.arrivalMs).toISOString(),
        time: isRead ? formatTimestamp(nsOf(event.timeMs, event.timeNs)) : null,
        value: isRead ? columnJson(feature, source.fields, event.values) : null,
        verdict: verdictOf(done, at),
        after: json(after[place]!),
      }
    })
  })
  const key = answer.asked[0]!.values
  const { edgeMs, edgeNs } = answer.edgeOf(0)
  return {
    view: view.name,
    feature: feature.name,
    key: jsonObject(view.joinKeys.map(({ name, type }) => [name, toJson(type, key[name]!)])),
    edge: formatTimestamp(nsOf(edgeMs, edgeNs)),
    served: json(answer.served(0, place)),
    counted: json(counted[place]!),
    events,
    eventsBefore,
  }
}

function verdictOf({ uncounted }: ShadowedBatch, place: number): string {
  if (uncounted.duplicates.includes(place)) return 'duplicate'
  const rejected = uncounted.rejections.find(({ index }) => index === place)
  return rejected?.code ?? 'counted'
}

function columnJson(
  feature: Feature,
  fields: readonly { readonly name: string; readonly type: DataType }[],
  values: Readonly<Record<string, unknown>>,
): Json {
  const field = fields.find(({ name }) => name === feature.column)
  return field === undefined ? null : toJson(field.type, (values[field.name] ?? null) as never)
}
