/**
 * Identities: what a definition means for the values in a store, as text and as a hash.
 *
 * The text is canonical JSON of everything that decides a value and of nothing else: an owner, a
 * description, `newKeysPerDay` or `online` may change over an existing store, a column may not. The
 * store keeps the text, so that a refusal can say what has changed. Part of the store's format.
 *
 * Of a transform or a post-processor, its source text counts; of what it calls or closes over,
 * nothing is seen.
 */
import { createHash } from 'node:crypto'
import type { Dedupe, Source, View } from '../model/catalog.ts'
import type { DataType, Field } from '../model/types.ts'

/** What of a source decides values. */
export type SourceFacts = Pick<Source, 'fields' | 'timestampField' | 'input' | 'dedupe'>

/** What of a view decides values, apart from its source. */
export type ViewFacts = Pick<
  View,
  | 'joinKeys'
  | 'columns'
  | 'features'
  | 'mode'
  | 'intervalMs'
  | 'ttlMs'
  | 'secondaryKey'
  | 'leadingEdge'
  | 'servingIndex'
  | 'featureStartMs'
  | 'transform'
>

/** Changes named in a difference; more are counted. */
const changesShownMax = 4

/** The text of a source. The order of its fields does not count. */
export function canonicalSource({ timestampField, fields, input, dedupe }: SourceFacts): string {
  return JSON.stringify({
    timestampField,
    fields: fields.map(canonicalField).toSorted(byName),
    // Only what differs from the default, so that the texts of stores that are there stay.
    ...(input !== undefined && {
      inputFields: input.fields.map(canonicalField).toSorted(byName),
      postProcessor: Function.prototype.toString.call(input.postProcessor),
    }),
    ...(dedupe.by !== 'sequence' && { dedupe: canonicalDedupe(dedupe) }),
  })
}

function canonicalDedupe(dedupe: Dedupe): object {
  if (dedupe.by !== 'event-id') return dedupe
  return { ...dedupe, field: dedupe.field.name }
}

/** The text of a view over its source. The order of its features counts. */
export function canonicalView(view: ViewFacts, source: Pick<Source, 'name' | 'identity'>): string {
  return JSON.stringify({
    source: source.name,
    sourceIdentity: source.identity,
    joinKeys: view.joinKeys.map(canonicalField),
    mode: view.mode,
    secondaryKey: view.secondaryKey,
    intervalMs: view.intervalMs,
    // JSON has no Infinity.
    ttlMs: Number.isFinite(view.ttlMs) ? view.ttlMs : null,
    leadingEdge: view.leadingEdge,
    // Only where there is one, so that the texts of stores that are there stay.
    ...(view.servingIndex !== null && { servingIndex: view.servingIndex }),
    ...(view.featureStartMs !== undefined && { featureStartMs: view.featureStartMs }),
    transform: view.transform === null ? null : Function.prototype.toString.call(view.transform),
    columns: view.columns.map(canonicalField),
    features: view.features.map((feature) =>
      feature.kind === 'attribute'
        ? { name: feature.name, kind: feature.kind, column: feature.column }
        : feature.kind === 'secondary-keys'
          ? { name: feature.name, kind: feature.kind, window: feature.window }
          : {
              name: feature.name,
              column: feature.column,
              fn: feature.fn,
              window: feature.window,
            },
    ),
  })
}

/** The identity that goes with a canonical text: 32 hexadecimal digits. */
export function identityOf(canonical: string): string {
  return createHash('sha256').update(canonical).digest('hex').slice(0, 32)
}

/**
 * What differs between two canonical texts, for a person: `'fields.clicked.type: Int64 → Int32'`.
 *
 * @param before  The text that the store keeps.
 * @param after  The text of the definition as it is now.
 * @returns `''` when nothing differs.
 */
export function describeDifference(before: string, after: string): string {
  const changes = differences('', JSON.parse(before), JSON.parse(after))
  const more = changes.length - changesShownMax
  const named = changes.slice(0, changesShownMax).join('; ')
  return more > 0 ? `${named}; and ${more} more` : named
}

/** A type as a text that does not depend on how it was built: `'Array(Struct(sku: String?))?'`. */
export function canonicalType(type: DataType): string {
  return innerType(type) + (type.nullable ? '?' : '')
}

function innerType(type: DataType): string {
  switch (type.kind) {
    case 'Array':
      return `Array(${canonicalType(type.element)})`
    case 'Map':
      return `Map(${canonicalType(type.value)})`
    case 'Struct': {
      const fields = type.fields.map((field) => `${field.name}: ${canonicalType(field.type)}`)
      return `Struct(${fields.join(', ')})`
    }
    default:
      return type.kind
  }
}

interface Named {
  readonly name: string
}

function canonicalField({ name, type }: Field): Named & { readonly type: string } {
  return { name, type: canonicalType(type) }
}

/** Orders by name, the same on every machine. */
export function byName(a: Named, b: Named): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

function differences(path: string, before: unknown, after: unknown): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (path === 'transform') return ['the transform has changed']
  if (path === 'postProcessor') return [`the post-processor ${changeOf(before, after)}`]
  // They come and go with the post-processor.
  if (path === 'inputFields' && (before === undefined || after === undefined)) return []
  if (path === 'sourceIdentity') return ['the source has changed']
  if (isNamedList(before) && isNamedList(after)) return listDifferences(path, before, after)
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return keys.flatMap((key) =>
      differences(path === '' ? key : `${path}.${key}`, before[key], after[key]),
    )
  }
  return [`${path}: ${text(before)} → ${text(after)}`]
}

function changeOf(before: unknown, after: unknown): string {
  return before === undefined ? 'is new' : after === undefined ? 'is gone' : 'has changed'
}

function listDifferences(
  path: string,
  before: readonly Named[],
  after: readonly Named[],
): string[] {
  const changes: string[] = []
  for (const old of before) {
    const now = after.find((item) => item.name === old.name)
    if (now === undefined) changes.push(`${path}.${old.name} is gone`)
    else changes.push(...differences(`${path}.${old.name}`, old, now))
  }
  for (const { name } of after) {
    if (!before.some((item) => item.name === name)) changes.push(`${path}.${name} is new`)
  }
  return changes.length > 0 ? changes : [`${path} are in another order`]
}

function isNamedList(value: unknown): value is readonly Named[] {
  return Array.isArray(value) && value.every((item) => isRecord(item) && 'name' in item)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
