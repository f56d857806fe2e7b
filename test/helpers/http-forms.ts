/**
 * Events of the story's source as the bodies in which HTTP takes them, written by hand: what is
 * under test writes none of it.
 */
import { createEncoder, MsgpackTimestamp } from '../../src/model/msgpack.ts'
import { formatTimestamp } from '../../src/model/timestamp.ts'
import type { RawEvent } from './story-view.ts'

export interface HttpRequest {
  readonly path: string
  readonly type: string
  readonly body: string | Uint8Array
}

/** Ways of one batch over HTTP. */
export const httpForms = ['json', 'ndjson', 'msgpack', 'ingest', 'v2 ingest', 'push'] as const

export type HttpForm = (typeof httpForms)[number]

const encoder = createEncoder()

const writers: Readonly<Record<HttpForm, (events: readonly RawEvent[]) => HttpRequest>> = {
  json: (events) => native('json', `[${events.map(jsonOf).join(',')}]`),
  ndjson: (events) => native('x-ndjson', events.map(jsonOf).join('\n')),
  msgpack: (events) => native('msgpack', encoder.encode(events.map(wireOf))),
  ingest: (events) => {
    const body = `{"workspace_name":"w","records":${recordsOf(events)},"dry_run":false}`
    return { path: '/ingest', type: 'text/plain', body }
  },
  'v2 ingest': (events) => {
    const body = `{"workspaceName":"w","dryRun":false,"records":${recordsOf(events)}}`
    return { path: '/v2/ingest', type: 'application/json', body }
  },
  push: (events) => {
    const columns = Object.keys(membersOf(events[0]!)).map((name) => {
      const values = events.map((event) => membersOf(event)[name]!)
      return `${JSON.stringify(name)}:[${values.join(',')}]`
    })
    const body = `{"df":{${columns.join(',')}},"push_source_name":"events"}`
    return { path: '/push', type: 'application/json', body }
  },
}

export function httpRequestOf(form: HttpForm, events: readonly RawEvent[]): HttpRequest {
  return writers[form](events)
}

function native(type: string, body: string | Uint8Array): HttpRequest {
  return { path: '/v1/events/events', type: `application/${type}`, body }
}

function recordsOf(events: readonly RawEvent[]): string {
  return `{"events":[${events.map((event) => `{"record":${jsonOf(event)}}`).join(',')}]}`
}

function jsonOf(event: RawEvent): string {
  const members = Object.entries(membersOf(event))
  return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`
}

/** JSON of the members; integers with all their digits. */
function membersOf(event: RawEvent): Readonly<Record<string, string>> {
  const { id, timeNs, whole, small, amount, place, tag } = event
  return {
    id: JSON.stringify(id),
    at: `"${formatTimestamp(timeNs)}"`,
    whole: String(whole),
    small: String(small),
    amount: JSON.stringify(amount),
    place: JSON.stringify(place),
    tag: JSON.stringify(tag),
  }
}

function wireOf({ timeNs, ...event }: RawEvent): Readonly<Record<string, unknown>> {
  return { ...event, at: new MsgpackTimestamp(timeNs) }
}
