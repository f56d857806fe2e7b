/**
 * The tables of `docs/reference/types.md`, filled by running the code that they describe.
 */
import type { DataType } from '../../src/model/types.ts'
import { renderTable } from '../table.ts'
import { createDoor, createEventDoor, notationOf, sourceWith, type Verdict } from './door.ts'
import {
  containers,
  containerTypes,
  events,
  everyKind,
  everyType,
  numbers,
  numberTypes,
  scalarOf,
  texts,
  textTypes,
  times,
  timeTypes,
} from './families.ts'
import { absent, escaped, nil, type Sample } from './samples.ts'

type Types = Readonly<Record<string, DataType>>

/** All tables with their headings. */
export function renderTypes(): string {
  return [
    section('Every kind of value', everyKindTable()),
    section('Numbers', scalarTable(pick(numberTypes), numbers)),
    section('Text and Bool', scalarTable(pick(textTypes), texts)),
    section('Times', scalarTable(pick(timeTypes), times)),
    section('Arrays, structs and maps', containerTable()),
    section('Events', eventTable()),
  ].join('\n')
}

function section(title: string, table: string): string {
  return `### ${title}\n\n${table}`
}

function pick(names: readonly string[]): Types {
  return Object.fromEntries(names.map((name) => [name, everyType[name]!]))
}

function everyKindTable(): string {
  const doors = Object.values(everyType).map((type) => columnOf(type))
  const nullable = Object.values(everyType).map((type) => columnOf({ ...type, nullable: true }))
  const rows = everyKind.map((sample) => [sentOf(sample), ...doors.map((cell) => cell(sample))])
  for (const sample of [nil, absent]) {
    rows.push([sentOf(sample), ...doors.map((cell) => cell(sample))])
    rows.push([`${sentOf(sample)}, nullable`, ...nullable.map((cell) => cell(sample))])
  }
  return renderTable([['sent', ...Object.keys(everyType)], ...rows])
}

function scalarTable(types: Types, samples: readonly Sample[]): string {
  const doors = Object.values(types).map((type) => columnOf(type))
  const rows = samples.map((sample) => [...wiresOf(sample), ...doors.map((cell) => cell(sample))])
  return renderTable([['msgpack', 'JSON', ...Object.keys(types)], ...rows])
}

function containerTable(): string {
  const rows = Object.entries(containerTypes).flatMap(([name, type]) => {
    const door = createDoor(type)
    return containers[name]!.map((sample) => [
      code(name),
      ...wiresOf(sample),
      resultOf(door(sample), type),
    ])
  })
  return renderTable([['declared', 'msgpack', 'JSON', 'result'], ...rows])
}

function eventTable(): string {
  const door = createEventDoor(sourceWith(scalarOf('Int64', true)))
  const rows = events.map((event) => {
    const verdict = door(event)
    return [...wiresOf(event), 'code' in verdict ? resultOf(verdict) : '✓']
  })
  return renderTable([['msgpack', 'JSON', 'result'], ...rows])
}

/** The cells of a column; the path in them is always that of the field, or none. */
function columnOf(type: DataType): (sample: Sample) => string {
  const door = createDoor(type)
  return (sample) => {
    const verdict = door(sample)
    if ('code' in verdict) return shortCode(verdict)
    const result = notationOf(verdict.value, type)
    return result === sample.brief ? '✓' : code(result)
  }
}

function resultOf(verdict: Verdict, type?: DataType): string {
  if (!('code' in verdict)) return code(notationOf(verdict.value, type))
  return verdict.path === ''
    ? shortCode(verdict)
    : `${shortCode(verdict)} ${code(escaped(verdict.path))}`
}

/** `TYPE` for `EVENT_FIELD_TYPE`: the page says that once. */
function shortCode({ code }: Extract<Verdict, { code: string }>): string {
  return code.replace(/^EVENT_(?:FIELD_)?/, '')
}

/** How a sample is written in msgpack and in JSON. */
function wiresOf({ name, forms, json, isWords }: Sample): readonly [string, string] {
  const msgpack = isWords ? name : code(name)
  return [forms.length === 0 ? '–' : msgpack, json === null ? '–' : code(json)]
}

function sentOf(sample: Sample): string {
  return sample === absent ? 'nothing' : code(sample.name)
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}
