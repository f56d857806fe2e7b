/**
 * The types of the client's calls: what must not compile is marked, and the compiler checks that.
 */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClient, type MillraceClient } from '../../src/client/client.ts'
import { aggregate } from '../../src/define/aggregate.ts'
import { entity } from '../../src/define/entity.ts'
import { featureService } from '../../src/define/service.ts'
import { pushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
const impressions = pushSource({
  name: 'impressions',
  schema: { user_id: t.String(), timestamp: t.Timestamp(), clicked: t.nullable(t.Int64()) },
})
const clicks = streamFeatureView({
  name: 'clicks',
  source: impressions,
  entities: [user],
  features: [aggregate('clicked', 'sum', '1h')],
})
const ranking = featureService({ name: 'ranking', features: [clicks] })

/** Never called: compiled. */
export async function typedCalls(client: MillraceClient): Promise<void> {
  const event = { user_id: 'u', timestamp: new Date(0), clicked: 1 }
  await client.publish(impressions, event)
  await client.publish(impressions, [event, { user_id: 'u', timestamp: 0 }])
  // @ts-expect-error The source has no such field.
  await client.publish(impressions, { ...event, clickd: 1 })
  // @ts-expect-error A field is missing.
  await client.publish(impressions, { user_id: 'u' })
  await client.publish('impressions', { anything: 1 })
  client.send(impressions, event)
  client.send(impressions, [event])
  // @ts-expect-error A field is missing.
  client.send(impressions, { user_id: 'u' })
  client.send('impressions', { anything: 1 })

  const one = await client.get(clicks, { user_id: 'u' })
  const sum: bigint | null = one.values.clicked_sum_1h
  type Loss = 'overflow' | 'expired' | 'unseen' | 'failed' | 'backfilling'
  type State = 'present' | 'null' | 'empty' | Loss
  const state: State = one.states.clicked_sum_1h
  const many = await client.get(ranking, [{ user_id: 'u' }])
  const newest: Record<'clicks.clicked_sum_1h', Date | null> = many[0]!.newest
  // @ts-expect-error The key has another name.
  await client.get(ranking, { user: 'u' })
  // @ts-expect-error The service has no such feature.
  assert.ok(one.values.other)
  const untyped = await client.get('ranking', { user_id: 'u' })
  assert.ok([sum, state, newest, untyped.values['anything']])
}

it('a typed source or service is the same as its name', async () => {
  const client = createClient({ url: 'ws://127.0.0.1:1' })
  const published = client.publish(impressions, { user_id: 'u', timestamp: 0 })
  assert.equal(client.unacknowledged, 1)
  const closed = assert.rejects(published, { code: 'CLIENT_CLOSED' })
  await client.close()
  await closed
})
