/**
 * `millrace get`: the features of one key, from a running daemon.
 */
import { clientOptions } from '../base/config.ts'
import { formatDuration } from '../base/duration.ts'
import { printable } from '../base/errors.ts'
import { isLeadingEdge, leadingEdges } from '../model/catalog.ts'
import type { Field } from '../model/types.ts'
import { exitCodes } from './exit-codes.ts'
import { jsonFlag, parseCommand, usageInvalid, type CommandHelp, type Run } from './command.ts'
import { jsonText } from './json-text.ts'
import { fetchJson, postJson, type Server } from './server.ts'
import { alignColumns } from './table.ts'

export const getHelp = {
  name: 'get',
  usage: '<service> <key=value>... [options]',
  summary: 'Reads the features of one key from a running daemon',
  options: clientOptions,
  flags: {
    'leading-edge': {
      type: 'string',
      placeholder: 'EDGE',
      description: `What ends the windows, whatever the views say: ${leadingEdges.join(', ')}.`,
    },
    json: jsonFlag,
  },
} as const satisfies CommandHelp

export const runGet: Run = async (args, io) => {
  const many = { min: 1, max: Number.POSITIVE_INFINITY }
  const { positionals, options, flags } = parseCommand(getHelp, args, many, io.environment)
  const [name, ...pairs] = positionals as [string, ...string[]]
  const body = await read(options, name, keyOf(pairs), flags['leading-edge'])
  const lines = flags['json'] === true ? [jsonText(body)] : describe(body as FeatureBody)
  for (const line of lines) io.out(line)
  return exitCodes.ok
}

/** A key as it was written: every value is text. */
type Key = ReadonlyMap<string, string>

function keyOf(pairs: readonly string[]): Key {
  const key = new Map<string, string>()
  for (const [name, value] of pairs.map(keyValue)) {
    if (key.has(name)) throw usageInvalid(`"${name}" is given more than once`)
    key.set(name, value)
  }
  return key
}

async function read(
  server: Server,
  service: string,
  key: Key,
  leadingEdge: string | boolean | undefined,
): Promise<unknown> {
  const path = `/v1/features/${encodeURIComponent(service)}`
  if (leadingEdge === undefined) {
    return fetchJson(server, `${path}?${new URLSearchParams([...key]).toString()}`)
  }
  if (!isLeadingEdge(leadingEdge)) {
    const known = leadingEdges.join(', ')
    throw usageInvalid(`--leading-edge: "${leadingEdge}" is not one of ${known}`)
  }
  // Only the body of a request has it, where a Bool is no text.
  const { services } = (await fetchJson(server, '/v1/definitions')) as Definitions
  const joinKeys = services.find(({ name }) => name === service)?.joinKeys ?? []
  const isBool = (name: string) =>
    joinKeys.some((joinKey) => joinKey.name === name && joinKey.type.kind === 'Bool')
  const typed = [...key].map(([name, text]): [string, unknown] => {
    return [name, isBool(name) && /^(?:true|false)$/.test(text) ? text === 'true' : text]
  })
  return postJson(server, path, { keys: [Object.fromEntries(typed)], leadingEdge })
}

/** The body of `GET /v1/definitions`, as far as it is read. */
interface Definitions {
  readonly services: readonly { readonly name: string; readonly joinKeys: readonly Field[] }[]
}

/** Characters of a value that are shown; `--json` has all of them. */
const valueLengthMax = 2000

function keyValue(pair: string): [string, string] {
  const at = pair.indexOf('=')
  if (at < 1) throw usageInvalid(`"${pair}" is not key=value`)
  return [pair.slice(0, at), pair.slice(at + 1)]
}

/** The body of `GET /v1/features/:name`, as far as it is printed. */
interface FeatureBody {
  readonly features: readonly string[]
  readonly rows: readonly {
    readonly values: Readonly<Record<string, unknown>>
    readonly states: Readonly<Record<string, string>>
    readonly freshness: Readonly<Record<string, Freshness>>
  }[]
}

interface Freshness {
  readonly newest: string | null
  readonly ageMs: number | null
  readonly edge: string
}

function describe({ features, rows }: FeatureBody): string[] {
  return rows.flatMap(({ values, states, freshness }) => [
    ...alignColumns([
      ['FEATURE', 'VALUE', 'STATE'],
      ...features.map((name) => [name, valueText(values[name]), states[name] ?? '']),
    ]),
    '',
    ...Object.entries(freshness).map(([view, each]) => `${view}: ${freshnessText(each)}`),
  ])
}

/** Text came from producers, and goes to a terminal: it is escaped, and cut. */
function valueText(value: unknown): string {
  if (value === null || value === undefined) return '-'
  return printable(typeof value === 'string' ? value : JSON.stringify(value), valueLengthMax)
}

function freshnessText({ newest, ageMs, edge }: Freshness): string {
  if (newest === null || ageMs === null) return `no event seen; windows end ${edge}`
  const age = ageMs < 0 ? `${-ageMs} ms ahead` : `${formatDuration(roughly(ageMs))} ago`
  return `newest event ${newest} (${age}); windows end ${edge}`
}

/** As exact as a person reads an age: ms below a second, seconds below a day, else minutes. */
function roughly(ms: number): number {
  const step = ms < 1000 ? 1 : ms < 86_400_000 ? 1000 : 60_000
  return Math.floor(ms / step) * step
}
