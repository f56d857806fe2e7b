/**
 * `millrace get`: the features of one key, from a running daemon.
 */
import { clientOptions } from '../base/config.ts'
import { formatDuration } from '../base/duration.ts'
import { printable } from '../base/errors.ts'
import { isLeadingEdge, leadingEdges, type LeadingEdge } from '../model/catalog.ts'
import { isWireMap } from '../model/convert.ts'
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
    request: {
      type: 'string',
      placeholder: 'JSON',
      description: 'Request data of realtime features, an object such as {"amount": 10}.',
    },
    query: {
      type: 'boolean',
      description: 'Reads all keys that have these values, where the views have an index.',
    },
    json: jsonFlag,
  },
} as const satisfies CommandHelp

export const runGet: Run = async (args, io) => {
  const many = { min: 1, max: Number.POSITIVE_INFINITY }
  const { positionals, options, flags } = parseCommand(getHelp, args, many, io.environment)
  const [name, ...pairs] = positionals as [string, ...string[]]
  const asked = {
    key: keyOf(pairs),
    leadingEdge: leadingEdgeOf(flags['leading-edge']),
    request: requestOf(flags['request']),
    isQuery: flags['query'] === true,
  }
  const body = await read(options, name, asked)
  const lines =
    flags['json'] === true ? [jsonText(body)] : describe(body as FeatureBody, asked.isQuery)
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

/** Undefined for what is left to the server. */
interface Asked {
  readonly key: Key
  readonly leadingEdge: LeadingEdge | undefined
  readonly request: object | undefined
  readonly isQuery: boolean
}

function leadingEdgeOf(flag: string | boolean | undefined): LeadingEdge | undefined {
  if (flag === undefined || isLeadingEdge(flag)) return flag
  throw usageInvalid(`--leading-edge: "${flag}" is not one of ${leadingEdges.join(', ')}`)
}

function requestOf(flag: string | boolean | undefined): object | undefined {
  if (flag === undefined) return undefined
  let request: unknown
  try {
    request = JSON.parse(String(flag))
  } catch {
    // Told below.
  }
  if (isWireMap(request)) return request
  throw usageInvalid('--request is not a JSON object such as {"amount": 10}')
}

async function read(server: Server, service: string, asked: Asked): Promise<unknown> {
  const { key, leadingEdge, request, isQuery } = asked
  const path = `/v1/features/${encodeURIComponent(service)}${isQuery ? '/query' : ''}`
  if (leadingEdge === undefined && request === undefined) {
    return fetchJson(server, `${path}?${new URLSearchParams([...key]).toString()}`)
  }
  // Only the body of a request has them, where a Bool is no text.
  const { services } = (await fetchJson(server, '/v1/definitions')) as Definitions
  const joinKeys = services.find(({ name }) => name === service)?.joinKeys ?? []
  const isBool = (name: string) =>
    joinKeys.some((joinKey) => joinKey.name === name && joinKey.type.kind === 'Bool')
  const typed = Object.fromEntries(
    [...key].map(([name, text]): [string, unknown] => {
      return [name, isBool(name) && /^(?:true|false)$/.test(text) ? text === 'true' : text]
    }),
  )
  const given = request !== undefined && (isQuery ? { request } : { requests: [request] })
  const keys = isQuery ? { key: typed } : { keys: [typed] }
  return postJson(server, path, { ...keys, ...given, ...(leadingEdge && { leadingEdge }) })
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
    readonly key: Readonly<Record<string, unknown>>
    readonly values: Readonly<Record<string, unknown>>
    readonly states: Readonly<Record<string, string>>
    readonly freshness: Readonly<Record<string, Freshness>>
    readonly failures?: Readonly<Record<string, string>>
  }[]
}

interface Freshness {
  readonly newest: string | null
  readonly ageMs: number | null
  readonly edge: string
}

/** @param isQuery  Whether the rows are of keys that were not given, and there may be none. */
function describe({ features, rows }: FeatureBody, isQuery: boolean): string[] {
  if (rows.length === 0) return ['no key is known']
  return rows.flatMap(({ key, values, states, freshness, failures = {} }, n) => [
    ...(isQuery ? [...(n === 0 ? [] : ['']), keyText(key)] : []),
    ...alignColumns([
      ['FEATURE', 'VALUE', 'STATE'],
      ...features.map((name) => [name, valueText(values[name]), states[name] ?? '']),
    ]),
    '',
    ...Object.entries(freshness).map(([view, each]) => `${view}: ${freshnessText(each)}`),
    ...Object.entries(failures).map(
      ([view, why]) => `${view}: failed: ${printable(why, valueLengthMax)}`,
    ),
  ])
}

function keyText(key: Readonly<Record<string, unknown>>): string {
  return Object.entries(key)
    .map(([name, value]) => `${name}=${valueText(value)}`)
    .join(' ')
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
