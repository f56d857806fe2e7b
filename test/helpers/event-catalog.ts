/**
 * A catalog of one source and its views, made by hand: what validation needs and nothing else.
 */
import { objectSchemaOf } from '../../src/define/schema.ts'
import type { Catalog, Route, Source, Transform, View } from '../../src/model/catalog.ts'
import { createEncoder } from '../../src/model/msgpack.ts'
import { readSection, type Section, type SectionBuffers } from '../../src/model/section.ts'
import type { DataType, Field, ScalarKind } from '../../src/model/types.ts'
import { buffersOf, Sections } from './sections.ts'

export function field(name: string, type: DataType | ScalarKind, nullable = false): Field {
  return { name, type: typeof type === 'string' ? { kind: type, nullable } : type }
}

export function sourceOf(fields: readonly Field[], timestampField = 'at'): Source {
  return {
    name: 'events',
    index: 0,
    fields,
    timestampField,
    dedupe: { by: 'sequence' },
    offline: false,
    schema: objectSchemaOf(fields, 'closed'),
    identity: 'source',
    routes: [0],
  }
}

export interface ViewSpec {
  readonly name: string
  readonly columns: readonly Field[]
  readonly transform?: Transform
  /** Fields of the transform's rows; the columns without them. */
  readonly rowFields?: readonly Field[]
}

/** One source, one route over its first field, and these views. */
export function catalogOf(source: Source, specs: readonly ViewSpec[]): Catalog {
  const joinKeys = [source.fields[0]!]
  const views = specs.map(({ name, columns, transform, rowFields }, index): View => {
    return {
      name,
      index,
      source: 0,
      route: 0,
      entities: [],
      joinKeys,
      columns,
      features: [],
      secondaryKey: null,
      lastWriteWins: false,
      mode: 'sawtooth',
      intervalMs: 0,
      ttlMs: Infinity,
      leadingEdge: 'wall-clock',
      servingIndex: null,
      newKeysPerDay: Infinity,
      online: true,
      transform: transform ?? null,
      rowSchema: transform === undefined ? null : objectSchemaOf(rowFields ?? columns, 'open'),
      identity: name,
    }
  })
  const route: Route = { index: 0, source: 0, joinKeys, views: views.map(({ index }) => index) }
  return {
    entities: [],
    sources: [source],
    routes: [route],
    views,
    realtimeViews: [],
    services: [],
  }
}

const encoder = createEncoder()

/** Msgpack of a value; bytes are taken for msgpack already. */
export function packed(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : encoder.encode(value)
}

/** A section with these events; keys are one byte, the place of the event. */
export function sectionOf(
  events: readonly unknown[],
  arrivalMs: number,
): { section: Section; buffers: SectionBuffers } {
  const writer = new Sections()
  writer.open(0, 0, 1000, arrivalMs)
  for (const [index, event] of events.entries()) {
    const bytes = packed(event)
    writer.event(index, 7000 + index, Uint8Array.of(index), bytes)
  }
  writer.close()
  const sent = writer.take()
  return { section: readSection(new DataView(sent.buffer), 0), buffers: buffersOf(sent) }
}
