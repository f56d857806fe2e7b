/**
 * The keys of a read as HTTP carries them: one in the query string, or several in a JSON body.
 *
 * Says only what form they must have; the reader converts and checks their values.
 */
import { MillraceError } from '../base/errors.ts'
import { isLeadingEdge, leadingEdges } from '../model/catalog.ts'
import type { HttpReadOptions } from '../model/contracts.ts'
import { isWireMap } from '../model/convert.ts'
import type { Field } from '../model/types.ts'
import type { Readable } from './services.ts'

type Key = Readonly<Record<string, unknown>>

/** A request's query string, parsed, and the URL with its bytes. */
interface Query {
  readonly query: unknown
  readonly url: string
}

/** What a request asks of a service. */
export interface FeatureRequest {
  readonly keys: readonly Key[]
  readonly options: HttpReadOptions
}

/** The key in `?user_id=u1&region=eu`; every value is text there, whatever the join key's type. */
export function keyOfQuery({ joinKeys }: Readable, { query, url }: Query): Key {
  if (url.includes('%')) assertDecodable(url)
  const given = query as Readonly<Record<string, string | readonly string[]>>
  for (const name in given) {
    if (typeof given[name] !== 'string') {
      throw new MillraceError('KEY_INVALID', { key: name, reason: 'given more than once' })
    }
  }
  return joinKeys.some(({ type }) => type.kind === 'Bool') ? withBools(joinKeys, given) : given
}

/** The parser takes what it cannot decode as it stands, which would be the key of somebody else. */
function assertDecodable(url: string): void {
  try {
    decodeURIComponent(url.replace(/^[^?]*/, ''))
  } catch {
    throw requestInvalid('query', 'is not percent-encoded UTF-8')
  }
}

/** Text as the form that the reader takes: a Bool is no text there, an integer may be. */
function withBools(joinKeys: readonly Field[], given: Key): Key {
  const key = Object.create(null) as Record<string, unknown>
  for (const [name, text] of Object.entries(given)) {
    const isBool = joinKeys.find((key) => key.name === name)?.type.kind === 'Bool'
    key[name] = isBool && (text === 'true' || text === 'false') ? text === 'true' : text
  }
  return key
}

/**
 * The request in `{ "keys": [{ "user_id": "u1" }, …], "requests": [{ "amount": 10 }, …],
 * "leadingEdge": "latest-event" }`.
 */
export function requestOfBody(body: unknown): FeatureRequest {
  const members = membersOf(body, ['keys', 'requests', 'leadingEdge'])
  const keys = objectsOf(members['keys'], 'keys')
  const requests = members['requests']
  const requestData = requests === undefined ? undefined : objectsOf(requests, 'requests')
  return { keys, options: optionsOf(members['leadingEdge'], requestData) }
}

/** The query in `{ "key": { "user_id": "u1" }, "request": { "amount": 10 }, "leadingEdge": … }`. */
export function queryOfBody(body: unknown): FeatureRequest {
  const { key, request, leadingEdge } = membersOf(body, ['key', 'request', 'leadingEdge'])
  const requestData = request === undefined ? undefined : [objectOf(request, 'request')]
  return { keys: [objectOf(key, 'key')], options: optionsOf(leadingEdge, requestData) }
}

function membersOf(body: unknown, known: readonly string[]): Key {
  if (!isWireMap(body)) {
    throw requestInvalid('body', `is not a JSON object such as {"${known[0]!}": …}`)
  }
  const unknown = Object.keys(body).find((name) => !known.includes(name))
  if (unknown !== undefined) throw requestInvalid(unknown, 'is not a member of the request')
  return body
}

function objectsOf(list: unknown, path: string): readonly Key[] {
  if (!Array.isArray(list)) throw requestInvalid(path, 'is not an array of objects')
  return list.map((each, n) => objectOf(each, `${path}[${n}]`))
}

function objectOf(value: unknown, path: string): Key {
  if (isWireMap(value)) return value
  throw requestInvalid(path, 'is not an object')
}

function optionsOf(leadingEdge: unknown, requestData: readonly Key[] | undefined): HttpReadOptions {
  if (leadingEdge !== undefined && !isLeadingEdge(leadingEdge)) {
    throw requestInvalid('leadingEdge', `is not one of ${leadingEdges.join(', ')}`)
  }
  return {
    ...(leadingEdge !== undefined && { leadingEdge }),
    ...(requestData !== undefined && { requestData, isJson: true }),
  }
}

function requestInvalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}
