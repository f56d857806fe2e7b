/**
 * The body of an ingest request: a workspace, whether it is a dry run, and records by source.
 *
 * Both spellings of the members are taken, `workspace_name` and `workspaceName`, whatever the path;
 * what is missing is told in the spelling of the path. Members that nobody knows are passed over.
 */
import { MillraceError, printable } from '../../base/errors.ts'
import type { SourceEvents } from '../../model/contracts.ts'
import { JsonReader } from '../../model/json-reader.ts'
import { PayloadWriter } from '../../model/payload-writer.ts'
import type { DataType } from '../../model/types.ts'

export interface IngestRequest {
  readonly workspace: string
  readonly isDryRun: boolean
  /** In the order of the body. */
  readonly batches: readonly SourceEvents[]
}

/** How the members of a request are spelt where something is said of them. */
export type Spelling = 'snake' | 'camel'

const members = {
  workspace: { snake: 'workspace_name', camel: 'workspaceName' },
  dryRun: { snake: 'dry_run', camel: 'dryRun' },
  records: { snake: 'records', camel: 'records' },
} as const

type Member = keyof typeof members

const memberOf = new Map<string, Member>(
  (Object.keys(members) as Member[]).flatMap((member) => {
    const { snake, camel } = members[member]
    return [snake, camel].map((name) => [name, member] as const)
  }),
)

export interface RequestOptions {
  readonly spelling: Spelling
  /** By source: its records as a whole; a source that is not known is left to whoever asks. */
  readonly types: ReadonlyMap<string, DataType>
}

/** @throws MillraceError `JSON_INVALID`, `REQUEST_INVALID`, `BATCH_TOO_LARGE` */
export function parseIngest(body: Buffer, { spelling, types }: RequestOptions): IngestRequest {
  const reader = new JsonReader(body)
  const given: { workspace?: string; dryRun?: boolean; records?: readonly SourceEvents[] } = {}
  const seen = new Set<Member>()
  reader.object((name) => {
    const member = memberOf.get(name)
    if (member === undefined) return reader.skip()
    if (seen.has(member)) throw invalid(`Field \`${name}\` is in the request twice`)
    seen.add(member)
    if (reader.isNext('null')) reader.skip()
    else if (member === 'workspace') given.workspace = workspaceIn(reader, name)
    else if (member === 'dryRun') given.dryRun = dryRunIn(reader, name)
    else given.records = recordsIn(reader, body.length, types)
  })
  reader.end()
  const { workspace, dryRun, records } = given
  const missing = (member: Member): MillraceError => {
    const name = members[member][spelling]
    return invalid(`Required field \`${name}\` is missing in the request`)
  }
  if (workspace === undefined || workspace === '') throw missing('workspace')
  if (dryRun === undefined) throw missing('dryRun')
  if (records === undefined) throw missing('records')
  return { workspace, isDryRun: dryRun, batches: records }
}

function workspaceIn(reader: JsonReader, name: string): string {
  if (!reader.isNext('text')) throw invalid(`Field \`${name}\` is not a string`)
  return reader.text()
}

function dryRunIn(reader: JsonReader, name: string): boolean {
  const value = reader.bool()
  if (value === null) throw invalid(`Field \`${name}\` is not true or false`)
  return value
}

function recordsIn(
  reader: JsonReader,
  bytes: number,
  types: ReadonlyMap<string, DataType>,
): readonly SourceEvents[] {
  if (!reader.isNext('object')) throw invalid('Field `records` is not an object')
  const batches: SourceEvents[] = []
  reader.object((source) => {
    if (!reader.isNext('array')) throw invalid(`Records of \`${source}\` are not an array`)
    // Only one of many sources fills as much as the body has.
    const writer = new PayloadWriter(batches.length === 0 ? bytes : 0)
    const type = types.get(source) ?? null
    reader.array((place) => recordIn(reader, { source, place, writer, type }))
    batches.push(writer.take(source))
  })
  return batches
}

interface RecordPlace {
  readonly source: string
  readonly place: number
  readonly writer: PayloadWriter
  readonly type: DataType | null
}

function recordIn(reader: JsonReader, { source, place, writer, type }: RecordPlace): void {
  let isThere = false
  if (reader.isNext('object')) {
    reader.object((name) => {
      if (name !== 'record') return reader.skip()
      isThere = true
      writer.event((out) => reader.write(out, type))
    })
  }
  if (!isThere) throw invalid(`Record ${place} of \`${source}\` has no field \`record\``)
}

function invalid(message: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', {}, { message: printable(message) })
}
