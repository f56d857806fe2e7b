/**
 * Definitions under test: the values are those of a daemon, at the time that the clock shows.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { aggregate } from '../../src/define/aggregate.ts'
import { entity } from '../../src/define/entity.ts'
import { pushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'
import { testKit } from '../../src/kit/test-kit.ts'
import { sawtoothTileMs } from '../../src/model/tiles.ts'
import { oracle } from '../helpers/oracle.ts'
import { plain } from '../helpers/plain.ts'
import { events, views } from '../helpers/story-arbitraries.ts'
import { definitionsOf, catalogOf, rowsOf, startMs } from '../helpers/story-view.ts'

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })

const orders = pushSource({
  name: 'orders',
  schema: { user_id: t.String(), at: t.Timestamp(), id: t.Int64(), amount: t.Float64() },
  dedupe: { by: 'event-id', field: 'id', horizon: '1h' },
})

const userOrders = streamFeatureView({
  name: 'user_orders',
  source: orders,
  entities: [user],
  features: [aggregate('amount', 'sum', '1h'), aggregate('amount', 'count', '1h')],
})

const cents = streamFeatureView({
  name: 'cents',
  source: orders,
  entities: [user],
  rowSchema: { cents: t.Int64() },
  transform: ({ amount }) => (amount < 0 ? null : { cents: BigInt(Math.round(amount * 100)) }),
  features: [aggregate('cents', 'max', '1h')],
})

const noon = '2024-05-01T12:00:00Z'
const key = { user_id: 'u1' }

describe('a test kit', () => {
  test('counts what is pushed, in the windows of its clock', async () => {
    const kit = testKit([userOrders], { now: noon })
    const report = kit.push(orders, [
      { ...key, at: kit.now, id: 1, amount: 5 },
      { ...key, at: '2024-05-01T11:30:00Z', id: 2, amount: 2.5 },
    ])
    assert.deepEqual(report, { accepted: 2, rejected: [], duplicates: 0, partial: [] })
    const { values, states } = await kit.read(userOrders, key)
    assert.deepEqual(values, { amount_sum_1h: 7.5, amount_count_1h: 2n })
    assert.equal(states.amount_sum_1h, 'present')
    //      11:30  12:00  12:36
    //  [-----x------x------)         the window of 12:36 begins with the tile of 11:35
    kit.advance('36m')
    assert.equal((await kit.read(userOrders, key)).values.amount_sum_1h, 5)
    kit.advance('2h')
    assert.equal((await kit.read(userOrders, key)).states.amount_sum_1h, 'expired')
  })

  test('lets an event ahead of its clock wait', async () => {
    const kit = testKit([userOrders], { now: noon })
    kit.push(orders, { ...key, at: '2024-05-01T12:01:00Z', id: 1, amount: 5 })
    assert.equal((await kit.read(userOrders, key)).values.amount_sum_1h, null)
    kit.setTime('2024-05-01T12:01:00Z')
    assert.equal((await kit.read(userOrders, key)).values.amount_sum_1h, 5)
  })

  test('tells what is rejected, and what is a duplicate', () => {
    const kit = testKit([userOrders], { now: noon })
    const event = { ...key, at: noon, id: 1, amount: 5 }
    const late = { ...event, id: 2, at: '2024-05-01T09:00:00Z' }
    const wrong = { ...event, id: 3, amount: 'much' as unknown as number }
    const report = kit.push(orders, [event, late, wrong, event, { ...event, user_id: '' }])
    assert.equal(report.accepted, 2)
    assert.equal(report.duplicates, 1)
    assert.deepEqual(
      report.rejected.map(({ index, code, path }) => [index, code, path]),
      [
        [1, 'EVENT_TOO_LATE', '/at'],
        [2, 'EVENT_FIELD_TYPE', '/amount'],
        [4, 'EVENT_KEY', '/user_id'],
      ],
    )
  })

  test('runs the functions of a view on events, and counts nothing', async () => {
    const kit = testKit([cents], { now: noon })
    const { rows, rejected } = kit.transform(cents, [
      { ...key, at: noon, id: 1, amount: 1.25 },
      { ...key, at: noon, id: 2, amount: -1 },
      { ...key, at: noon, id: 3 },
    ])
    const time = BigInt(Date.parse(noon)) * 1_000_000n
    assert.deepEqual(rows, [{ index: 0, time, row: { cents: 125n } }])
    assert.deepEqual(
      rejected.map(({ index, code }) => [index, code]),
      [[2, 'EVENT_FIELD_MISSING']],
    )
    assert.equal((await kit.read(cents, key)).states.cents_max_1h, 'unseen')
  })

  test('has a clock that does not go back', () => {
    const kit = testKit([userOrders], { now: noon })
    assert.throws(() => kit.setTime('2024-05-01T11:59:59Z'), { code: 'CONFIG_INVALID' })
    assert.throws(() => testKit([userOrders], { now: 'soon' }), { code: 'CONFIG_INVALID' })
  })

  test('says what it does not know, of a program without types, too', async () => {
    const kit = testKit([userOrders], { now: noon })
    assert.throws(() => kit.push('bills' as never, []), { message: /is named "bills"$/ })
    assert.throws(() => kit.transform('bills' as never, []), { message: /is named "bills"$/ })
    await assert.rejects(kit.read('bills' as never, {} as never), { message: /is named "bills"$/ })
    const soon = { code: 'CONFIG_INVALID', message: /^moment: soon is no moment$/ }
    assert.throws(() => kit.setTime('soon'), soon)
  })

  test('reads maps and structs as objects, as a client does', async () => {
    const visits = pushSource({
      name: 'visits',
      schema: {
        user_id: t.String(),
        at: t.Timestamp(),
        clicks: t.Map(t.Array(t.Struct({ n: t.Int64() }))),
      },
      timestampField: 'at',
    })
    const seen = streamFeatureView({
      name: 'seen',
      source: visits,
      entities: [entity({ name: 'user', joinKeys: { user_id: t.String() } })],
      features: [aggregate('clicks', 'last', '1h')],
    })
    const kit = testKit([seen], { now: noon })
    kit.push(visits, { user_id: 'u1', at: kit.now, clicks: { home: [{ n: 1n }], __x: [] } })
    const { values } = await kit.read(seen, { user_id: 'u1' })
    assert.deepEqual(values.clicks_last_1h, { home: [{ n: 1n }], __x: [] })
    const n: bigint | undefined = values.clicks_last_1h?.['home']?.[0]?.n
    assert.equal(n, 1n)
  })

  test('has the values of a recount', async () => {
    const story = fc.record({
      view: views,
      parts: fc.array(events({ uniqueTimes: false }), { minLength: 1, maxLength: 5 }),
      laterMs: fc.integer({ min: 300_000, max: 100_000_000 }),
    })
    await fc.assert(
      fc.asyncProperty(story, async ({ view, parts, laterMs }) => {
        const { source, story } = definitionsOf(view)
        const kit = testKit([story], { now: new Date(startMs) })
        const counted = parts.flatMap((part) => {
          const pushed = part.map(({ timeNs, ...rest }) => ({ ...rest, at: instant(timeNs) }))
          const { rejected, partial } = kit.push(source, pushed as never)
          assert.deepEqual(partial, [])
          return part.filter((_, n) => !rejected.some(({ index }) => index === n))
        })
        kit.advance(`${laterMs}ms`)
        const rows = counted.map((event) => ({ ...event })).flatMap((event) => rowsOf(view, event))
        const newest = rows.reduce((max, { timeNs }) => (timeNs > max ? timeNs : max), 0n)
        const now = BigInt(kit.now.getTime()) * 1_000_000n
        const resolved = catalogOf(view).views[0]!
        const edge = resolved.leadingEdge === 'wall-clock' ? now : newest
        for (const id of ['a', 'b', 'c']) {
          const { values } = await kit.read(story as never, { id } as never)
          const expected = oracle(rows, resolved, id, edge, sawtoothTileMs)
          assert.deepEqual(
            Object.values(values as object).map((value) => plain(value as never)),
            expected.map((value) => plain(value ?? null)),
          )
        }
      }),
      { numRuns: 150, seed: 7 },
    )
  })
})

/** Text that keeps the nanoseconds. */
function instant(timeNs: bigint): string {
  const ns = ((timeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const second = new Date(Number((timeNs - ns) / 1_000_000n)).toISOString().slice(0, 19)
  return `${second}.${String(ns).padStart(9, '0')}Z`
}
