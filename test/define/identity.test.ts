import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aggregate } from '../../src/define/aggregate.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { entity } from '../../src/define/entity.ts'
import {
  canonicalSource,
  canonicalView,
  describeDifference,
  identityOf,
} from '../../src/define/identity.ts'
import { pushSource } from '../../src/define/source.ts'
import { t, type FieldSchema } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
const fields = { user_id: t.String(), at: t.Timestamp(), clicked: t.Int64() }

/** A catalog of one source and one view, with changes to either. */
function built(view: object = {}, source: object = {}) {
  const impressions = pushSource({ name: 'impressions', schema: fields, ...source })
  const userClicks = streamFeatureView({
    name: 'user_clicks',
    source: impressions,
    entities: [user],
    features: [aggregate('clicked', 'sum', '1h'), aggregate('clicked', 'count', '1h')],
    ...view,
  })
  const catalog = buildCatalog([userClicks])
  return {
    source: catalog.sources[0]!,
    view: catalog.views[0]!,
    sourceText: canonicalSource(catalog.sources[0]!),
    viewText: canonicalView(catalog.views[0]!, catalog.sources[0]!),
  }
}

describe('an identity', () => {
  it('is pinned: it is part of the format of a store', () => {
    const { source, view, sourceText } = built()
    assert.equal(
      sourceText,
      '{"timestampField":"at","fields":[{"name":"at","type":"Timestamp"},' +
        '{"name":"clicked","type":"Int64"},{"name":"user_id","type":"String"}]}',
    )
    assert.equal(source.identity, '4e73e23451f8f3d7c5050fd7ae98db5e')
    assert.equal(view.identity, 'da9df2226841958229899f96929123fe')
  })

  it('is the hash of the canonical text', () => {
    const { source, view, sourceText, viewText } = built()
    assert.equal(source.identity, identityOf(sourceText))
    assert.equal(view.identity, identityOf(viewText))
  })

  it('does not depend on metadata, on online, or on the order of a schema', () => {
    const before = built()
    const { clicked, at, user_id } = fields
    const after = built(
      { description: 'd', owner: 'o', tags: { a: 'b' }, online: false },
      { description: 'd', schema: { clicked, at, user_id } },
    )
    assert.equal(after.source.identity, before.source.identity)
    assert.equal(after.view.identity, before.view.identity)
  })

  it('depends on everything that decides values, and the difference is told', () => {
    const before = built()
    const transform = (event: unknown) => event
    const otherKey = entity({ name: 'other', joinKeys: { clicked: t.Int64() } })
    const changes: [object, string][] = [
      [{ leadingEdge: 'latest-event' }, 'leadingEdge: wall-clock → latest-event'],
      [
        { mode: 'interval', aggregationInterval: '1m' },
        'mode: sawtooth → interval; intervalMs: 0 → 60000; features.clicked_sum_1h is gone; ' +
          'features.clicked_count_1h is gone; and 2 more',
      ],
      [{ transform }, 'the transform has changed'],
      [{ entities: [otherKey] }, 'joinKeys.user_id is gone; joinKeys.clicked is new'],
      [{ features: [aggregate('clicked', 'sum', '1h')] }, 'features.clicked_count_1h is gone'],
      [
        {
          features: [
            aggregate('clicked', 'sum', '2h', { name: 'clicked_sum_1h' }),
            aggregate('clicked', 'count', '1h'),
          ],
        },
        'features.clicked_sum_1h.window.sizeMs: 3600000 → 7200000',
      ],
      [
        { features: [aggregate('clicked', 'count', '1h'), aggregate('clicked', 'sum', '1h')] },
        'features are in another order',
      ],
    ]
    for (const [change, difference] of changes) {
      const after = built(change)
      assert.notEqual(after.view.identity, before.view.identity)
      assert.equal(describeDifference(before.viewText, after.viewText), difference)
    }
    assert.equal(describeDifference(before.viewText, before.viewText), '')
  })

  it('of a view changes with its source', () => {
    const before = built()
    const schema = { ...fields, clicked: t.Int32() }
    const after = built({}, { schema })
    assert.notEqual(after.view.identity, before.view.identity)
    assert.equal(
      describeDifference(before.sourceText, after.sourceText),
      'fields.clicked.type: Int64 → Int32',
    )
    assert.match(
      describeDifference(before.viewText, after.viewText),
      /^the source has changed; columns\.clicked\.type: Int64 → Int32$/,
    )
  })

  it('tells nested types and nullability apart', () => {
    const types: FieldSchema[] = [
      t.Array(t.String()),
      t.Array(t.nullable(t.String())),
      t.nullable(t.Array(t.String())),
      t.Map(t.String()),
      t.Struct({ a: t.String() }),
      t.Struct({ b: t.String() }),
    ]
    const identities = types.map(
      (extra) => built({}, { schema: { ...fields, extra } }).source.identity,
    )
    assert.equal(new Set(identities).size, types.length)
  })
})
