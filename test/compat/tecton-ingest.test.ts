/**
 * The hosted platform's Stream Ingest API over real HTTP: every body that its documentation shows,
 * and the scenarios that follow from its rules.
 */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/base/clock.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import { apiKeyOf } from '../helpers/api-keys.ts'
import { readHttp, startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { root } from '../helpers/repository.ts'

const features = `${root}/test/fixtures/platform-events.ts`

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** A daemon at a moment, and its ingest API. */
async function setUp(t: TestContext, at: string, dataDir?: string) {
  const clock = new ManualClock(Date.parse(at))
  const daemon = await startDaemon(t, { features, clock, ...(dataDir && { dataDir }) })
  async function post(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    // Bytes: text would be sent with a content type.
    const request = { method: 'POST', body: Buffer.from(text), headers }
    const response = await fetch(`${daemon.url}${path}`, request)
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8')
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }
  return { daemon, post }
}

/** Identities of views, by name. */
async function viewIds({ url }: Millrace): Promise<Readonly<Record<string, string>>> {
  const response = await fetch(`${url}/v1/definitions`)
  const { views } = (await response.json()) as { views: { name: string; identity: string }[] }
  return Object.fromEntries(views.map(({ name, identity }) => [name, identity]))
}

const impressions = {
  workspace_name: 'ingestapi-test',
  dry_run: false,
  records: {
    impressions_event_source: [
      { record: { timestamp: '2023-01-02T00:25:06Z', user_id: 'C18947Z5', clicked: 1 } },
      { record: { timestamp: '2022-12-29T00:25:06Z', user_id: 'C98FG569', clicked: 1 } },
    ],
  },
}

describe('documented requests', () => {
  test('records of one source are counted by each of its views', async (t) => {
    const { daemon, post } = await setUp(t, '2023-01-02T00:30:00Z')
    const ids = await viewIds(daemon)
    const answer = await post('/ingest', impressions)
    assert.deepEqual(answer, {
      status: 200,
      body: {
        workspaceName: 'ingestapi-test',
        ingestMetrics: {
          featureViewIngestMetrics: [
            {
              featureViewName: 'click_events_fv',
              onlineRecordIngestCount: '2',
              featureViewId: ids['click_events_fv'],
            },
            {
              featureViewName: 'clicks_fv',
              onlineRecordIngestCount: '2',
              featureViewId: ids['clicks_fv'],
            },
          ],
        },
      },
    })
    assert.match(ids['clicks_fv']!, /^[0-9a-f]{32}$/)
    const [row] = await readHttp(daemon.url, 'click_events_fv', { user_id: 'C98FG569' })
    assert.equal(row!.values['clicked_sum'], '1')
  })

  test('both spellings are taken on both paths, under any content type', async (t) => {
    const { post } = await setUp(t, '2024-11-14T12:00:00Z')
    const record = { timestamp: '2024-11-14T11:22:03.520', user_id: '123', event_type: 'my_test' }
    const records = { my_stream_source: [{ record }] }
    const camel = { workspaceName: 'prod', dryRun: false, records }
    const snake = { workspace_name: 'prod', dry_run: false, records, tag: { unknown: [1] } }
    const types = [{}, { 'content-type': 'application/x-www-form-urlencoded' }]
    for (const path of ['/ingest', '/v2/ingest']) {
      for (const body of [camel, snake]) {
        for (const headers of [...types, { 'content-type': 'application/json' }]) {
          const answer = await post(path, body, headers)
          assert.equal(answer.status, 200, JSON.stringify(answer.body))
          assert.equal(answer.body['workspaceName'], 'prod')
        }
      }
    }
  })

  test('structs and maps are objects', async (t) => {
    const { daemon, post } = await setUp(t, '2024-01-02T00:30:00Z')
    const record = {
      timestamp: '2024-01-02T00:25:06Z',
      user_id: 'C18947Z5',
      product_details: { product_id: 'P1', category: 'food', price: 50.0 },
      user_preferences: { electronics: 1.5, food: 2.0 },
    }
    const records = { product_source: [{ record }] }
    const { status } = await post('/ingest', { ...impressions, records })
    assert.equal(status, 200)
    const [row] = await readHttp(daemon.url, 'product_fv', { user_id: 'C18947Z5' })
    assert.deepEqual(row!.values, {
      product: record.product_details,
      preferences: record.user_preferences,
    })
  })

  test('several sources come in one request, and what counts nothing is left out', async (t) => {
    const { post } = await setUp(t, '2023-01-02T00:30:00Z')
    const timestamp = '2023-01-02T00:25:06Z'
    const { body } = await post('/ingest', {
      ...impressions,
      records: {
        impressions_event_source: [{ record: { timestamp, user_id: 'a', clicked: 0 } }],
        my_stream_source: [{ record: { timestamp, user_id: 'a', event_type: 'x' } }],
      },
    })
    const { featureViewIngestMetrics: metrics } = body['ingestMetrics'] as {
      featureViewIngestMetrics: Record<string, string>[]
    }
    const counts = metrics.map((each) => [each['featureViewName'], each['onlineRecordIngestCount']])
    assert.deepEqual(counts, [
      ['click_events_fv', '1'],
      ['clicks_fv', undefined],
      ['stream_fv', '1'],
    ])
  })

  test('a source with an offline log says how many records it will have', async (t) => {
    const { post } = await setUp(t, '2023-01-02T00:30:00Z')
    const record = { timestamp: '2023-01-02T00:25:06Z', user_id: 'a', event_type: 'x' }
    const told = async (count: number, dry_run: boolean): Promise<unknown> => {
      const my_stream_source = Array.from({ length: count }, () => ({ record }))
      const records = { my_stream_source, impressions_event_source: [] }
      const { status, body } = await post('/ingest', { ...impressions, dry_run, records })
      assert.equal(status, 200)
      const { dataSourceIngestMetrics: metrics } = body['ingestMetrics'] as {
        dataSourceIngestMetrics: Record<string, string>[]
      }
      return metrics.map(({ dataSourceId, ...rest }) => {
        assert.match(dataSourceId!, /^[0-9a-f]{32}$/)
        return rest
      })
    }
    const dataSourceName = 'my_stream_source'
    const three = [{ dataSourceName, offlineRecordIngestCount: '3' }]
    assert.deepEqual(await told(3, true), three)
    assert.deepEqual(await told(3, false), three)
    assert.deepEqual(await told(0, false), [{ dataSourceName }])
  })
})

/** Why a record is too late for a view, up to the name of the view. */
const outside = 'timestamp value is outside of the serving TTL defined for Feature View'

describe('refused requests', () => {
  test('what is missing is named in the spelling of the path', async (t) => {
    const { post } = await setUp(t, '2023-01-02T00:30:00Z')
    const { workspace_name, dry_run, records } = impressions
    const cases: [string, object, string][] = [
      ['/ingest', { dry_run, records }, 'workspace_name'],
      ['/ingest', { workspace_name, records }, 'dry_run'],
      ['/ingest', { workspace_name, dry_run }, 'records'],
      ['/ingest', { workspace_name: null, dry_run, records }, 'workspace_name'],
      ['/v2/ingest', { dryRun: true, records }, 'workspaceName'],
      ['/v2/ingest', { workspaceName: 'w', records }, 'dryRun'],
    ]
    for (const [path, body, name] of cases) {
      assert.deepEqual(await post(path, body), {
        status: 400,
        body: {
          requestError: {
            errorMessage: `Required field \`${name}\` is missing in the request`,
            errorType: 'RequestValidationError',
          },
        },
      })
    }
  })

  test('a body of another form is refused with what is wrong', async (t) => {
    const { post } = await setUp(t, '2023-01-02T00:30:00Z')
    const cases: [unknown, RegExp][] = [
      ['{"workspace_name": "w",', /^not JSON at byte 23: /],
      ['', /^not JSON at byte 0: /],
      [[impressions], /an object is expected/],
      [{ ...impressions, dry_run: 'false' }, /`dry_run` is not true or false/],
      [{ ...impressions, workspace_name: 1 }, /`workspace_name` is not a string/],
      [{ ...impressions, workspaceName: 'w' }, /`workspaceName` is in the request twice/],
      [{ ...impressions, records: [] }, /`records` is not an object/],
      [{ ...impressions, records: { a: {} } }, /Records of `a` are not an array/],
      [{ ...impressions, records: { a: [{}] } }, /Record 0 of `a` has no field `record`/],
      [{ ...impressions, records: { a: [1] } }, /Record 0 of `a` has no field `record`/],
      ['{"records":{"a":[],"a":[]}}', /a name comes twice/],
    ]
    for (const [body, message] of cases) {
      const answer = await post('/ingest', body)
      const error = answer.body['requestError'] as Record<string, string>
      assert.deepEqual([answer.status, error['errorType']], [400, 'RequestValidationError'])
      assert.match(error['errorMessage']!, message)
    }
  })

  test('a source that is not there, or that nothing is served of, is not found', async (t) => {
    const { post } = await setUp(t, '2023-01-02T00:30:00Z')
    const ask = async (source: string, isDryRun: boolean): Promise<number> => {
      const body = { workspace_name: 'w', dry_run: isDryRun, records: { [source]: [] } }
      return (await post('/ingest', body)).status
    }
    assert.equal(await ask('nowhere', false), 404)
    assert.equal(await ask('nowhere', true), 404)
    assert.equal(await ask('audit_source', false), 404)
    assert.equal(await ask('audit_source', true), 200)
    assert.equal(await ask('transactions', false), 200)
  })

  test('who may not write is told in both forms, and whom the daemon does not know', async (t) => {
    const dataDir = await temporaryDir(t)
    const viewer = await apiKeyOf(dataDir, 'viewer')
    const { post } = await setUp(t, '2023-01-02T00:30:00Z', dataDir)
    for (const path of ['/ingest', '/v2/ingest']) {
      const ask = async (authorization: string, dry_run = false) => {
        const { status, body } = await post(path, { ...impressions, dry_run }, { authorization })
        const { errorType } = (body['requestError'] ?? {}) as Record<string, string>
        return [status, errorType, body['code']]
      }
      assert.deepEqual(await ask(`Tecton-key ${viewer}`), [403, 'AuthorizationError', 7])
      assert.deepEqual(await ask(`Tecton-key ${viewer}`, true), [200, undefined, undefined])
      assert.deepEqual(await ask('Tecton-key unknown'), [401, 'AuthenticationError', 16])
    }
  })

  test('one bad record refuses all, with an error for every bad one', async (t) => {
    const { daemon, post } = await setUp(t, '2023-01-02T00:30:00Z')
    const timestamp = '2023-01-02T00:25:06Z'
    const good = { record: { timestamp, user_id: 'a', clicked: 1 } }
    const answer = await post('/ingest', {
      ...impressions,
      records: {
        my_stream_source: [{ record: { timestamp, user_id: 'a', event_type: 'x' } }],
        impressions_event_source: [
          good,
          { record: { timestamp, user_id: 'a', clicked: 'much' } },
          { record: { user_id: 'a', clicked: 1 } },
          { record: { timestamp: 'soon', user_id: 'a', clicked: 1 } },
          { record: 5 },
        ],
      },
    })
    assert.equal(answer.status, 400)
    assert.deepEqual(Object.keys(answer.body), ['workspaceName', 'recordErrors'])
    const errors = answer.body['recordErrors'] as Record<string, unknown>[]
    assert.deepEqual(
      errors.map(({ recordIndex, code, path }) => [recordIndex, code, path]),
      [
        [1, 'EVENT_FIELD_TYPE', '/clicked'],
        [2, 'EVENT_FIELD_MISSING', '/timestamp'],
        [3, 'EVENT_TIME', '/timestamp'],
        [4, 'EVENT_DECODE', ''],
      ],
    )
    for (const error of errors) {
      assert.equal(error['errorType'], 'TectonObjectValidationError')
      assert.equal(error['pushSourceName'], 'impressions_event_source')
    }
    assert.equal(errors[0]!['errorMessage'], '/clicked: expected Int64, got string')
    assert.equal(errors[3]!['errorMessage'], 'not a valid event: not a map of fields')
    for (const view of ['click_events_fv', 'clicks_fv', 'stream_fv']) {
      const [row] = await readHttp(daemon.url, view, { user_id: 'a' })
      assert.deepEqual([...new Set(Object.values(row!.states))], ['unseen'])
    }
    const ledger = await fetch(`${daemon.url}/v1/ledger`)
    assert.deepEqual(((await ledger.json()) as { entries: unknown[] }).entries, [])
  })

  test('a view that a record is too late for is named, if none takes it', async (t) => {
    const { daemon, post } = await setUp(t, '2023-01-02T00:30:00Z')
    const send = (timestamp: string, clicked: number) =>
      post('/ingest', {
        ...impressions,
        records: {
          impressions_event_source: [{ record: { timestamp, user_id: 'a', clicked } }],
        },
      })
    // The other view reaches back a year, and wants only what was clicked.
    const late = await send('2022-06-01T00:00:00Z', 0)
    assert.deepEqual(late.body, {
      workspaceName: 'ingestapi-test',
      recordErrors: [
        {
          featureViewName: 'click_events_fv',
          pushSourceName: 'impressions_event_source',
          errorType: 'TectonObjectValidationError',
          errorMessage: `${outside} click_events_fv`,
          recordIndex: 0,
          code: 'EVENT_TOO_LATE',
          path: '/timestamp',
        },
      ],
    })
    const partly = await send('2022-06-01T00:00:00Z', 1)
    assert.equal(partly.status, 200)
    const [clicked] = await readHttp(daemon.url, 'clicks_fv', { user_id: 'a' })
    assert.equal(clicked!.values['clicks'], '1')
    const both = await send('2021-06-01T00:00:00Z', 1)
    const names = (both.body['recordErrors'] as Record<string, string>[]).map(
      ({ featureViewName }) => featureViewName,
    )
    assert.deepEqual(names, ['click_events_fv', 'clicks_fv'])
  })
})

describe('scenarios', () => {
  const at = '2026-03-01T12:00:00Z'

  async function setUpSpending(t: TestContext) {
    const { daemon, post } = await setUp(t, '2026-03-01T12:00:10Z')
    const send = (timestamp: string, amt: number, isDryRun = false): Promise<Answer> =>
      post('/ingest', {
        workspace_name: 'prod',
        dry_run: isDryRun,
        records: { transactions: [{ record: { user_id: 'u', timestamp, amt } }] },
      })
    const values = async () => {
      const [row] = await readHttp(daemon.url, 'spending_fv', { user_id: 'u' })
      return row!.values
    }
    const sums = async () => {
      const { sum_1m, sum_1h, sum_30d, count_30d, mean_1m } = await values()
      return { sum_1m, sum_1h, sum_30d, count_30d, mean_1m }
    }
    return { send, values, sums }
  }

  test('G1, G2, G3: a record counts once, and one a nanosecond later is another', async (t) => {
    const { send, sums } = await setUpSpending(t)
    const { status, body } = await send(at, 100)
    assert.equal(status, 200)
    assert.match(JSON.stringify(body), /"onlineRecordIngestCount":"1"/)
    const once = { sum_1m: 100, sum_1h: 100, sum_30d: 100, count_30d: '1', mean_1m: 100 }
    assert.deepEqual(await sums(), once)
    assert.equal((await send(at, 100)).status, 200)
    assert.deepEqual(await sums(), once)
    assert.equal((await send('2026-03-01T12:00:00.000000001Z', 100)).status, 200)
    const twice = { sum_1m: 200, sum_1h: 200, sum_30d: 200, count_30d: '2', mean_1m: 100 }
    assert.deepEqual(await sums(), twice)
  })

  test('G4: a dry run changes nothing, and says what would count', async (t) => {
    const { send, values } = await setUpSpending(t)
    const answer = await send(at, 100, true)
    assert.equal(answer.status, 200)
    assert.match(JSON.stringify(answer.body), /"onlineRecordIngestCount":"1"/)
    assert.deepEqual([...new Set(Object.values(await values()))], [null])
  })

  test('G6: a record before every window is told so', async (t) => {
    const { send } = await setUpSpending(t)
    for (const isDryRun of [false, true]) {
      const { status, body } = await send('2025-12-01T12:00:00Z', 100, isDryRun)
      const [error] = body['recordErrors'] as Record<string, string>[]
      assert.equal(status, 400)
      assert.equal(error!['errorType'], 'TectonObjectValidationError')
      assert.equal(error!['featureViewName'], 'spending_fv')
    }
  })

  test('G15: a time without a zone is in UTC', async (t) => {
    const { daemon, post } = await setUp(t, '2024-11-14T12:00:00Z')
    const record = { timestamp: '2024-11-14T11:22:03.520', user_id: '123', event_type: 'my_test' }
    const records = { my_stream_source: [{ record }] }
    await post('/v2/ingest', { workspaceName: 'prod', dryRun: false, records })
    const [row] = await readHttp(daemon.url, 'stream_fv', { user_id: '123' })
    assert.equal(row!.values['last_at'], '2024-11-14T11:22:03.52Z')
  })
})
