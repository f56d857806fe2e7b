/**
 * `millrace check`: loads a features file and says what it defines, without starting anything.
 */
import { resolve } from 'node:path'
import { formatDuration } from '../base/duration.ts'
import type { Catalog, Dedupe, Feature, RealtimeView, Source, View } from '../model/catalog.ts'
import { describeFeature } from '../model/describe.ts'
import type { DataType, Field } from '../model/types.ts'
import { parseCommand, type CommandHelp, type Run } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { alignColumns } from './table.ts'

export const checkHelp = {
  name: 'check',
  usage: '<features.ts>',
  summary: 'Checks a features file and prints what it defines',
  options: {},
  flags: {},
} as const satisfies CommandHelp

/** @param load  Loads and checks the definitions of a file, by its absolute path. */
export function checkCommand(load: (file: string) => Promise<Catalog>): Run {
  return async (args, io) => {
    const one = { min: 1, max: 1 }
    const { positionals } = parseCommand(checkHelp, args, one, io.environment)
    const catalog = await load(resolve(positionals[0]!))
    for (const line of catalogLines(catalog)) io.out(line)
    return exitCodes.ok
  }
}

function catalogLines(catalog: Catalog): string[] {
  const { sources, views, realtimeViews } = catalog
  const viewNames = new Set([...views, ...realtimeViews].map(({ name }) => name))
  const services = catalog.services.filter(({ name }) => !viewNames.has(name))
  return [
    ...sources.flatMap(sourceLines),
    ...views.flatMap((view) => [
      `view ${view.name} of ${sources[view.source]!.name} by ${names(view.joinKeys)}${notes(view)}`,
      ...alignColumns(view.features.map(featureCells), '  '),
    ]),
    ...realtimeViews.flatMap(realtimeLines),
    ...services.map(
      ({ name, joinKeys, features }) =>
        `service ${name} by ${names(joinKeys)}: ${features.map((each) => each.name).join(', ')}`,
    ),
    `no problem in ${sources.length} sources, ${views.length + realtimeViews.length} views, ` +
      `${services.length} services`,
  ]
}

function realtimeLines(view: RealtimeView): string[] {
  const { name, joinKeys, requestFields, inputs, features } = view
  const read = [...requestFields.map((field) => `request.${field.name}`), ...inputs.map(nameOf)]
  const by = joinKeys.length === 0 ? '' : ` by ${names(joinKeys)}`
  return [
    `realtime view ${name}${by}, of ${read.join(', ')}`,
    ...alignColumns(
      features.map((feature) => [feature.name, typeText(feature.type)]),
      '  ',
    ),
  ]
}

function nameOf({ name }: { readonly name: string }): string {
  return name
}

function sourceLines({ name, fields, timestampField, input, dedupe }: Source): string[] {
  const cells = fields.map(fieldCells(timestampField))
  const lines = [`source ${name}, dedupe by ${dedupeText(dedupe)}`, ...alignColumns(cells, '  ')]
  if (input === undefined) return lines
  const pushed = input.fields.map(({ name, type }) => [name, typeText(type)])
  return [...lines, '  made by its postProcessor of', ...alignColumns(pushed, '    ')]
}

function dedupeText(dedupe: Dedupe): string {
  if (dedupe.by !== 'event-id') return dedupe.by
  return `${dedupe.by} ${dedupe.field.name} within ${formatDuration(dedupe.horizonMs)}`
}

function fieldCells(timestampField: string) {
  return ({ name, type }: Field): string[] => [
    name,
    typeText(type),
    name === timestampField ? 'event time' : '',
  ]
}

function featureCells(feature: Feature): string[] {
  return [feature.name, typeText(feature.type), describeFeature(feature)]
}

function notes(view: View): string {
  const { mode, intervalMs, ttlMs, secondaryKey, leadingEdge, online, transform, features } = view
  const { servingIndex } = view
  const hasWindows = features.some(({ kind }) => kind === 'aggregate')
  return [
    '',
    leadingEdge,
    ...(hasWindows ? [mode] : []),
    ...(mode === 'interval' ? [`tiles of ${formatDuration(intervalMs)}`] : []),
    ...(secondaryKey === null ? [] : [`apart by ${secondaryKey}`]),
    ...(Number.isFinite(ttlMs) ? [`for ${formatDuration(ttlMs)}`] : []),
    ...(transform === null ? [] : ['of the rows of a transform']),
    ...(servingIndex === null ? [] : [`found by ${servingIndex.join(', ')}`]),
    ...(online ? [] : ['not online']),
  ].join(', ')
}

function names(fields: readonly Field[]): string {
  return fields.map(nameOf).join(', ')
}

/** `Array<Int64>`, `Struct<a: String>?`; the question mark is "nullable". */
function typeText(type: DataType): string {
  return `${kindText(type)}${type.nullable ? '?' : ''}`
}

function kindText(type: DataType): string {
  switch (type.kind) {
    case 'Array':
      return `Array<${typeText(type.element)}>`
    case 'Map':
      return `Map<${typeText(type.value)}>`
    case 'Struct':
      return `Struct<${type.fields.map(memberText).join(', ')}>`
    default:
      return type.kind
  }
}

function memberText({ name, type }: Field): string {
  return `${name}: ${typeText(type)}`
}
