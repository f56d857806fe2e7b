/**
 * Definitions that a program hands over, as the shard threads get them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadDefinitions } from '../../src/daemon/load.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import {
  aggregate,
  entity,
  lifetimeWindow,
  pushSource,
  streamFeatureView,
  t,
} from '../../src/index.ts'

const user = entity({ name: 'user', joinKeys: { id: t.String() } })
const visits = pushSource({
  name: 'visits',
  schema: { id: t.String(), at: t.Timestamp(), pages: t.Int64() },
})

function viewSince(lifetimeStart: Date | string) {
  return streamFeatureView({
    name: 'visitors',
    source: visits,
    entities: [user],
    lifetimeStart,
    features: [aggregate('pages', 'sum', lifetimeWindow())],
  })
}

test('a shard thread builds the same catalog, dates included', async () => {
  const start = '2024-01-01T00:00:00Z'
  for (const lifetimeStart of [start, new Date(start)]) {
    const { catalog, definitions } = await loadDefinitions(
      [user, visits, viewSince(lifetimeStart)],
      '',
    )
    const [feature] = catalog.views[0]!.features
    assert.ok(feature?.kind === 'aggregate' && feature.window.kind === 'lifetime')
    assert.equal(feature.window.startMs, Date.UTC(2024, 0, 1))
    const sent = structuredClone(definitions!)
    assert.deepEqual(structuredClone(buildCatalog(sent)), structuredClone(catalog))
  }
})

test('what is no definition is not sent', async () => {
  const others = [() => 1, Symbol('x'), new Map([['f', () => 1]]), { kind: 'other' }]
  const { definitions } = await loadDefinitions([...others, [visits]], '')
  assert.equal(structuredClone(definitions!).length, 1)
})

test('an object of a class is refused where a thread would see another', async () => {
  class Rule {
    readonly by = 'event-id'
    readonly field = 'id'
    get horizon(): '1d' {
      return '1d'
    }
  }
  const { schema } = visits
  const source = pushSource({ name: 'other', schema, dedupe: new Rule() })
  await assert.rejects(loadDefinitions([source], ''), {
    code: 'DEFINITION_INVALID',
    message: /^other\.dedupe: an object of a class cannot be sent to another thread/,
  })
})
