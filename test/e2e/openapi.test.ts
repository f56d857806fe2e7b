/**
 * The OpenAPI document against the daemon that serves it: it has every route and no other, and what
 * the daemon takes and answers is as it says.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Compile } from 'typebox/schema'
import { apiKeyOf } from '../helpers/api-keys.ts'
import { temporaryDir } from '../helpers/daemons.ts'
import { startPlatform, type Platform } from '../helpers/platform.ts'
import { startWithRoutes } from '../helpers/routes.ts'

interface Content {
  readonly [type: string]: { readonly schema: object }
}

interface Operation {
  readonly summary: string
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<'2XX' | 'default', { readonly content: Content }>>
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Example {
  /** As in the document: `GET /v1/status`. */
  readonly of: string
  /** Path and query of the request, where they are others. */
  readonly path?: string
  readonly body?: object
  /** @defaultValue 200 */
  readonly status?: number
}

const noon = '2026-03-01T12:00:00Z'
const v2 = '/api/v2/workspaces/{workspace}/feature-services/{name}'
const at = (path: string): string => path.replace('{workspace}', 'w').replace('{name}', 'scoring')
const scoring = { workspaceName: 'w', featureServiceName: 'scoring' }
const row = { joinKeyMap: { user_id: 'u1' }, requestContextMap: { amt: 1 } }
const metadataOptions = {
  includeNames: true,
  includeEffectiveTimes: true,
  includeDataTypes: true,
  includeSloInfo: true,
  includeServingStatus: true,
}
const event = {
  user_id: 'u1',
  cust_id: 1,
  merchant_id: 7,
  transaction_id: 't',
  timestamp: '2026-03-01T11:00:00Z',
  amt: 5,
}
const records = (record: object) => ({ transactions: [{ record }] })
const columns = Object.fromEntries(Object.entries(event).map(([name, value]) => [name, [value]]))
const readPath = '/v1/features/{name}'
const queryPath = '/v1/features/{name}/query'

const examples: readonly Example[] = [
  { of: 'GET /openapi.json' },
  { of: 'GET /healthz' },
  { of: 'GET /readyz' },
  { of: 'GET /v1/definitions' },
  { of: 'GET /v1/status' },
  { of: 'GET /metrics' },
  { of: 'GET /api/v1/observability/metrics' },
  { of: 'GET /v1/stream', status: 426 },
  { of: 'POST /v1/events/{source}', path: '/v1/events/transactions', body: event },
  { of: 'POST /v1/events/{source}', path: '/v1/events/transactions', body: { user_id: 'u1' } },
  {
    of: 'POST /v1/events/{source}',
    path: '/v1/events/transactions?dryRun=true',
    body: [event, { ...event, timestamp: '1999-01-01T00:00:00Z' }],
  },
  { of: 'POST /v1/events/{source}', path: '/v1/events/nothing', body: event, status: 404 },
  { of: 'GET /v1/ledger' },
  { of: 'GET /v1/ledger', path: '/v1/ledger?limit=0', status: 400 },
  { of: 'POST /v1/ledger/replay', body: { dryRun: true } },
  { of: 'GET /v1/backfill' },
  { of: 'POST /v1/backfill', body: {}, status: 202 },
  { of: 'POST /v1/backfill', body: { views: ['spending'] }, status: 400 },
  { of: 'POST /v1/backfill/pause' },
  { of: 'GET /v1/verify' },
  { of: 'POST /v1/verify', body: { keys: 10 }, status: 202 },
  { of: 'POST /v1/verify', body: { keys: 0 }, status: 400 },
  { of: `GET ${readPath}`, path: '/v1/features/spending?user_id=u1' },
  { of: `GET ${readPath}`, path: '/v1/features/spending', status: 400 },
  {
    of: `POST ${readPath}`,
    path: '/v1/features/scoring',
    body: {
      keys: [{ user_id: 'u1' }, { user_id: 'u2' }],
      requests: [{ amt: 1 }, { amt: -1 }],
      leadingEdge: 'latest-event',
    },
  },
  { of: `GET ${queryPath}`, path: '/v1/features/spending/query?user_id=u1', status: 400 },
  {
    of: `POST ${queryPath}`,
    path: '/v1/features/spending/query',
    body: { key: { user_id: 'u1' } },
    status: 400,
  },
  {
    of: 'POST /api/v1/feature-service/get-features',
    body: { params: { ...scoring, ...row, metadataOptions } },
  },
  { of: 'POST /api/v1/feature-service/get-features', body: { params: scoring }, status: 400 },
  {
    of: 'POST /api/v1/feature-service/get-features-batch',
    body: { params: { ...scoring, requestData: [row, row], metadataOptions } },
  },
  {
    of: 'POST /api/v1/feature-service/query-features',
    body: { params: { ...scoring, ...row } },
    status: 400,
  },
  {
    of: 'POST /api/v1/feature-service/query-features',
    body: {
      params: { featureServiceName: 'merchants', joinKeyMap: { cust_id: 1 }, metadataOptions },
    },
  },
  {
    of: `POST ${queryPath}`,
    path: '/v1/features/merchants/query',
    body: { key: { cust_id: 1 } },
  },
  { of: 'POST /api/v1/feature-service/metadata', body: { params: scoring } },
  { of: `POST ${v2}/get-features`, path: at(`${v2}/get-features`), body: row },
  {
    of: `POST ${v2}/get-features-batch`,
    path: at(`${v2}/get-features-batch`),
    body: { params: { requestData: [row] } },
  },
  { of: `GET ${v2}/metadata`, path: at(`${v2}/metadata`) },
  {
    of: 'POST /ingest',
    body: { workspace_name: 'w', dry_run: false, records: records(event) },
  },
  {
    of: 'POST /v2/ingest',
    body: { workspaceName: 'w', dryRun: true, records: records({ ...event, amt: 'much' }) },
    status: 400,
  },
  { of: 'POST /push', body: { push_source_name: 'transactions', df: columns } },
  { of: 'POST /push', body: { push_source_name: 'nothing', df: columns }, status: 422 },
  {
    of: 'POST /get-online-features',
    body: { features: ['spending:sum_1h'], entities: { user_id: ['u1', 'u2'] } },
  },
  {
    of: 'POST /get-online-features',
    body: { features: ['spending:none'], entities: { user_id: ['u1'] } },
    status: 422,
  },
]

async function documentOf({ get }: Platform): Promise<Document> {
  const { status, body } = await get('/openapi.json')
  assert.equal(status, 200)
  return body as Document
}

/** By method and path, as examples name them. */
function operationsOf({ paths }: Document): Map<string, Operation> {
  return new Map(
    Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => [
        `${method.toUpperCase()} ${path}`,
        operation,
      ]),
    ),
  )
}

test('the document has every route of the daemon, with what it does, and no other', async (t) => {
  const { started, routes } = await startWithRoutes(() => startPlatform(t, noon))
  const document = await documentOf(started)
  assert.equal(document.openapi, '3.1.0')
  const operations = operationsOf(document)
  const added = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  assert.deepEqual([...operations.keys()].toSorted(), added.toSorted())
  for (const [name, { summary, parameters }] of operations) {
    assert.notEqual(summary, '', `${name} does not say what it does`)
    const inPath = parameters.filter((each) => each.in === 'path').map((each) => `{${each.name}}`)
    assert.deepEqual([...name.matchAll(/\{\w+\}/g)].flat(), inPath)
  }
})

test('every operation takes and answers what the document says', async (t) => {
  const platform = await startPlatform(t, noon)
  const operations = operationsOf(await documentOf(platform))
  const tried = new Set(examples.map((example) => example.of))
  assert.deepEqual(
    [...operations.keys()].filter((name) => !tried.has(name)),
    [],
    'an operation has no example',
  )
  for (const example of examples) {
    const { requestBody, responses } = operations.get(example.of)!
    const [method, path] = example.of.split(' ') as [string, string]
    const wanted = example.status ?? 200
    const response = await fetch(`${platform.url}${example.path ?? path}`, {
      method,
      ...(example.body && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(example.body),
      }),
    })
    const isJson = response.headers.get('content-type')!.startsWith('application/json')
    const answer: unknown = isJson ? await response.json() : await response.text()
    const what = `${example.of}: ${JSON.stringify(answer)}`
    assert.equal(response.status, wanted, what)
    if (requestBody !== undefined) assertValid(requestBody.content, example.body, example.of)
    assertValid(responses[wanted < 300 ? '2XX' : 'default'].content, answer, what)
  }
})

test('who is not let in is answered what the document says of every operation', async (t) => {
  const dataDir = await temporaryDir(t)
  const viewer = await apiKeyOf(dataDir, 'viewer')
  const platform = await startPlatform(t, noon, dataDir)
  const operations = operationsOf(await documentOf(platform))
  let refused = 0
  for (const [name, { responses }] of operations) {
    const [method, path] = name.split(' ') as [string, string]
    for (const authorization of ['Bearer unknown', `Bearer ${viewer}`]) {
      const headers = { authorization, 'content-type': 'application/json' }
      const response = await fetch(platform.url + path, { method, headers })
      const answer = await response.text()
      if (response.status !== 401 && response.status !== 403) continue
      refused += 1
      assertValid(responses.default.content, JSON.parse(answer), `${name}: ${answer}`)
    }
  }
  assert.ok(refused > operations.size)
})

function assertValid(content: Content, value: unknown, what: string): void {
  const schema = (content['application/json'] ?? Object.values(content)[0])?.schema
  assert.ok(schema !== undefined, `${what} has no schema`)
  const [isValid, errors] = Compile(schema).Errors(value)
  assert.ok(isValid, `${what} ${JSON.stringify(errors)}`)
}
