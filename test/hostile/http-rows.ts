/**
 * Bad HTTP requests and handshakes, byte by byte, and what each is answered.
 */
import { eventsBodyBytesMax, httpBodyBytesMax } from '../../src/base/http-limits.ts'
import { readKeysMax } from '../../src/base/limits.ts'
import { marker } from '../helpers/bystander.ts'
import { upgradeRequest } from '../helpers/raw-frames.ts'
import type { Row } from './rows.ts'

export interface HttpRow extends Row {
  readonly bytes: string | Uint8Array
  /** Null where the server says nothing and closes. */
  readonly status: number | null
  /** The code of our error table; null where the answer is of the layers below. */
  readonly code?: string
  readonly header?: readonly [name: string, value: string]
}

const host = 'Host: 127.0.0.1\r\n'
const close = 'Connection: close\r\n'

/** A request that asks for the connection to be closed, so that its answer has an end. */
function request(start: string, headers = '', body = ''): string {
  const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n`
  return `${start} HTTP/1.1\r\n${host}${close}${headers}${length}\r\n${body}`
}

const json = 'Content-Type: application/json\r\n'

function read(body: string, headers = json): string {
  return request('POST /v1/features/user_orders', headers, body)
}

const chunk = 'x'.repeat(0x8000)
const chunks = `8000\r\n${chunk}\r\n`.repeat(httpBodyBytesMax / 0x8000 + 1)
const manyKeys = Array.from({ length: readKeysMax + 1 }, () => ({ user_id: 1 }))

export const handshakeRows: readonly HttpRow[] = [
  {
    id: 'H1',
    what: 'the stream without an upgrade',
    bytes: request('GET /v1/stream'),
    status: 426,
    code: 'UPGRADE_REQUIRED',
    header: ['upgrade', 'websocket'],
  },
  {
    id: 'H2',
    what: 'an upgrade by POST',
    bytes: upgradeRequest({}, 'POST /v1/stream'),
    status: 405,
    code: 'METHOD_UNKNOWN',
  },
  {
    id: 'H3',
    what: 'no Sec-WebSocket-Key',
    bytes: upgradeRequest({ 'Sec-WebSocket-Key': null }),
    status: 400,
  },
  {
    id: 'H3',
    what: 'a key of three characters',
    bytes: upgradeRequest({ 'Sec-WebSocket-Key': 'abc' }),
    status: 400,
  },
  {
    id: 'H4',
    what: 'another version of WebSocket',
    bytes: upgradeRequest({ 'Sec-WebSocket-Version': '12' }),
    status: 400,
    header: ['sec-websocket-version', '13, 8'],
  },
  {
    id: 'H5',
    what: 'an upgrade of the stream to HTTP/2',
    bytes: upgradeRequest({ Upgrade: 'h2c', Connection: 'Upgrade, close' }),
    status: 426,
    code: 'UPGRADE_REQUIRED',
  },
  {
    id: 'H5',
    what: 'an upgrade of another path to HTTP/2, which may be ignored',
    bytes: upgradeRequest(
      {
        Upgrade: 'h2c',
        Connection: 'Upgrade, HTTP2-Settings, close',
        'HTTP2-Settings': 'AAMAAABk',
      },
      'GET /healthz',
    ),
    status: 200,
  },
  {
    id: 'H12',
    what: 'a page of somebody else',
    bytes: upgradeRequest({ Origin: `https://${marker}.example` }),
    status: 403,
    code: 'FORBIDDEN_ORIGIN',
  },
  {
    id: 'H13',
    what: 'no subprotocol',
    bytes: upgradeRequest({ 'Sec-WebSocket-Protocol': null }),
    status: 400,
    code: 'SUBPROTOCOL',
  },
  {
    id: 'H13',
    what: 'a subprotocol that nobody speaks',
    bytes: upgradeRequest({ 'Sec-WebSocket-Protocol': marker }),
    status: 400,
    code: 'SUBPROTOCOL',
  },
  ...['a,,b', 'a,,millrace.v1+msgpack', 'millrace.v1+msgpack,millrace.v1+msgpack'].map(
    (offered): HttpRow => ({
      id: 'H14',
      what: `the subprotocols "${offered}"`,
      bytes: upgradeRequest({ 'Sec-WebSocket-Protocol': offered }),
      status: 400,
    }),
  ),
  {
    id: 'H15',
    what: '40 KB of headers',
    bytes: request('GET /healthz', `X: ${'x'.repeat(40_000)}\r\n`),
    status: 431,
    code: 'HEADERS_TOO_LARGE',
  },
  {
    id: 'H15',
    what: '40 KB of headers with an upgrade',
    bytes: upgradeRequest({ X: 'x'.repeat(40_000) }),
    status: 431,
    code: 'HEADERS_TOO_LARGE',
  },
  {
    id: 'H16',
    what: '300 headers',
    bytes: request('GET /healthz', 'X: x\r\n'.repeat(300)),
    status: 400,
    code: 'REQUEST_INVALID',
  },
  {
    id: 'H16',
    what: '300 headers with an upgrade',
    bytes: upgradeRequest(
      Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`X${n}`, 'x'])),
    ),
    status: 400,
    code: 'REQUEST_INVALID',
  },
]

const parserRows: readonly HttpRow[] = (
  [
    ['two lengths of one body', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'],
    ['a line that ends in LF alone', 'A: b\nC: d\r\n'],
    ['NUL in a header', `A: ${marker}\0b\r\n`],
    ['a header without a name', ': b\r\n'],
    ['a folded header', 'A: b\r\n  c\r\nContent-Length: 5, 6\r\n'],
  ] as const
).map(([what, headers]) => ({
  id: 'H18',
  what,
  bytes: request('POST /v1/features/user_orders', headers),
  status: 400,
  code: 'REQUEST_INVALID',
}))

function push(body: string, headers = json): string {
  return request('POST /v1/events/orders', headers, body)
}

const order = `{"user_id":1,"store":"${marker}","at":"2026-03-01T11:59:00Z","amount":1}`
const eventsChunks = `8000\r\n${chunk}\r\n`.repeat(eventsBodyBytesMax / 0x8000 + 1)

/** Bodies of events: those whose form is right are answered event by event. */
const eventRows: readonly HttpRow[] = [
  ...(
    [
      ['a list nested a million deep', '['.repeat(1_000_000)],
      ['an object nested a hundred thousand deep', '{"a":'.repeat(100_000)],
      ['NaN, which JSON does not have', order.replace(':1,', ':NaN,')],
      ['half of a surrogate pair', order.replace(marker, '\\ud800')],
      ['bytes that are not UTF-8', order.replace(marker, '\xff\xfe')],
      ['a control character in a string', order.replace(marker, '\0')],
      ['two values', `${order} ${order}`],
    ] as const
  ).map(([what, body]): HttpRow => ({
    id: 'H26',
    what: `events: ${what}`,
    bytes: push(body),
    status: 400,
    code: 'JSON_INVALID',
  })),
  ...(
    [
      ['a name that comes twice', order.replace('"amount"', '"store"')],
      ['a name that every object has', order.replace('"amount"', '"__proto__"')],
      ['a number beyond the doubles', order.replace('"amount":1', '"amount":1e999')],
      ['an integer of a thousand digits', order.replace(':1,', `:${'9'.repeat(1000)},`)],
      ['an event of a megabyte', order.replace(marker, 'x'.repeat(1_000_000))],
      ['ten thousand events that are none', `[${Array(10_000).fill('[]').join(',')}]`],
    ] as const
  ).map(([what, body]): HttpRow => ({
    id: 'H26',
    what: `events: ${what}, which is rejected for itself`,
    bytes: push(body),
    status: 200,
  })),
  {
    id: 'H26',
    what: 'events: a msgpack array of four billion',
    bytes: push('\xdd\xff\xff\xff\xff\x80', 'Content-Type: application/msgpack\r\n'),
    status: 400,
    code: 'REQUEST_INVALID',
  },
  {
    id: 'H22',
    what: 'events in chunks beyond the bound, and no end',
    bytes:
      request('POST /v1/events/orders', `${json}Transfer-Encoding: chunked\r\n`) + eventsChunks,
    status: 413,
    code: 'BODY_TOO_LARGE',
  },
  {
    id: 'H32',
    what: 'events by the page of somebody else',
    bytes: push(order, `${json}Origin: https://${marker}.example\r\n`),
    status: 403,
    code: 'FORBIDDEN_ORIGIN',
  },
]

export const requestRows: readonly HttpRow[] = [
  ...parserRows,
  ...eventRows,
  {
    id: 'H19',
    what: 'a path that is not served',
    bytes: request(`GET /${marker}`),
    status: 404,
    code: 'ROUTE_UNKNOWN',
  },
  {
    id: 'H19',
    what: 'a path out of the root',
    bytes: request('GET /..%2f..%2fetc/passwd'),
    status: 404,
    code: 'ROUTE_UNKNOWN',
  },
  {
    id: 'H19',
    what: 'a path with NUL',
    bytes: request('GET /%00'),
    status: 400,
    code: 'REQUEST_INVALID',
  },
  {
    id: 'H19',
    what: 'a path of 16 KB',
    bytes: request(`GET /${'x'.repeat(16_384)}`),
    status: 431,
    code: 'HEADERS_TOO_LARGE',
  },
  {
    id: 'H20',
    what: 'the name of another host',
    bytes: `GET /v1/status HTTP/1.1\r\nHost: attacker.example\r\n${close}\r\n`,
    status: 421,
  },
  {
    id: 'H21',
    what: 'a body that is announced with 1 GiB',
    bytes: request('POST /v1/features/user_orders', `${json}Content-Length: 1073741824\r\n`),
    status: 413,
    code: 'BODY_TOO_LARGE',
  },
  {
    id: 'H22',
    what: 'chunks beyond the bound, and no end',
    bytes:
      request('POST /v1/features/user_orders', `${json}Transfer-Encoding: chunked\r\n`) + chunks,
    status: 413,
    code: 'BODY_TOO_LARGE',
  },
  {
    id: 'H23',
    what: 'a body of HTML',
    bytes: read(`<b>${marker}</b>`, 'Content-Type: text/html\r\n'),
    status: 415,
    code: 'BODY_TYPE',
  },
  {
    id: 'H24',
    what: 'a body that is compressed',
    bytes: read('\x1f\x8b\x08', `${json}Content-Encoding: gzip\r\n`),
    status: 415,
    code: 'BODY_TYPE',
  },
  {
    id: 'H25',
    what: 'an empty body',
    bytes: read('', `${json}Content-Length: 0\r\n`),
    status: 400,
    code: 'REQUEST_INVALID',
  },
  {
    id: 'H28',
    what: '10,001 keys',
    bytes: read(JSON.stringify({ keys: manyKeys })),
    status: 413,
    code: 'TOO_MANY_KEYS',
  },
  {
    id: 'H28',
    what: 'a key of a megabyte',
    bytes: request(
      'POST /v1/features/store_orders',
      json,
      JSON.stringify({ keys: [{ store: marker + 'x'.repeat(1_000_000) }] }),
    ),
    status: 400,
    code: 'KEY_INVALID',
  },
  {
    id: 'H29',
    what: 'a view that is not there',
    bytes: request(`GET /v1/features/${marker}?user_id=1`),
    status: 404,
    code: 'FEATURES_UNKNOWN',
  },
  {
    id: 'H29',
    what: 'a key that nobody has seen',
    bytes: request('GET /v1/features/user_orders?user_id=404'),
    status: 200,
  },
  {
    id: 'H30',
    what: 'TRACE',
    bytes: request('TRACE /v1/status'),
    status: 405,
    code: 'METHOD_UNKNOWN',
  },
  {
    id: 'H30',
    what: 'DELETE',
    bytes: request('DELETE /v1/features/user_orders'),
    status: 405,
    code: 'METHOD_UNKNOWN',
  },
  { id: 'H30', what: 'CONNECT', bytes: request('CONNECT 127.0.0.1:1'), status: null },
  {
    id: 'H32',
    what: 'a replay by the page of somebody else',
    bytes: request(
      'POST /v1/ledger/replay',
      `${json}Origin: https://${marker}.example\r\n`,
      '{"dryRun":true}',
    ),
    status: 403,
    code: 'FORBIDDEN_ORIGIN',
  },
]
