import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { canonicalSource } from '../../src/define/identity.ts'
import { pushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import type { Source } from '../../src/model/catalog.ts'

const schema = {
  user_id: t.String(),
  at: t.Timestamp(),
  order: t.nullable(t.String()),
  price: t.Float64(),
}

// Mistakes that the compiler would refuse, as a JavaScript file may hold them.
const loose = pushSource as unknown as (options: object) => object

function sourceOf(dedupe?: unknown): Source {
  const options = dedupe === undefined ? {} : { dedupe }
  return buildCatalog([loose({ name: 's', schema, ...options })]).sources[0]!
}

function problemOf(dedupe: unknown): string {
  try {
    sourceOf(dedupe)
  } catch (error) {
    assert.ok(error instanceof MillraceError)
    return error.message.replace(/ \(\/.*:\d+:\d+\)$/, '')
  }
  return ''
}

describe('the dedupe rule of a source', () => {
  it('is that of the sequences, unless another one is named', () => {
    assert.deepEqual(sourceOf().dedupe, { by: 'sequence' })
    assert.deepEqual(sourceOf({ by: 'sequence' }).dedupe, { by: 'sequence' })
    assert.deepEqual(sourceOf({ by: 'event-time' }).dedupe, { by: 'event-time' })
    const field = { name: 'user_id', type: { kind: 'String', nullable: false } }
    assert.deepEqual(sourceOf({ by: 'event-id', field: 'user_id', horizon: '1d' }).dedupe, {
      by: 'event-id',
      field,
      horizonMs: 86_400_000,
    })
  })

  it('names a rule, and what belongs to it', () => {
    assert.equal(
      problemOf('event-id'),
      's.dedupe: "event-id" is not a rule such as { by: "event-id", field: "id", horizon: "1d" }',
    )
    assert.equal(
      problemOf({ by: 'id' }),
      's.dedupe.by: "id" is not one of "sequence", "event-id", "event-time"',
    )
    assert.equal(
      problemOf({ by: 'event-time', horizon: '1d' }),
      's.dedupe.horizon: is not part of this rule',
    )
  })

  it('by event id names a field that can be one, and a horizon', () => {
    assert.match(
      problemOf({ by: 'event-id', field: 'id', horizon: '1d' }),
      /^s\.dedupe\.field: no field is named "id"; they are user_id, at, order, price$/,
    )
    for (const [field, type] of [
      ['order', 'String\\?'],
      ['price', 'Float64'],
    ]) {
      assert.match(
        problemOf({ by: 'event-id', field, horizon: '1d' }),
        new RegExp(`^s\\.dedupe\\.field: an event id is one of .*; it is ${type}$`),
      )
    }
    assert.equal(
      problemOf({ by: 'event-id', field: 'user_id' }),
      's.dedupe.horizon: undefined is not a duration such as "1h"',
    )
    assert.match(
      problemOf({ by: 'event-id', field: 'user_id', horizon: '9999d' }),
      /^s\.dedupe\.horizon: is longer than 1830d$/,
    )
  })

  it('is part of what a store is built with, unless it is the default', () => {
    const plain = canonicalSource(sourceOf())
    assert.equal(canonicalSource(sourceOf({ by: 'sequence' })), plain)
    const parts = (dedupe: object): unknown =>
      (JSON.parse(canonicalSource(sourceOf(dedupe))) as { dedupe: unknown }).dedupe
    assert.deepEqual(parts({ by: 'event-time' }), { by: 'event-time' })
    assert.deepEqual(parts({ by: 'event-id', field: 'user_id', horizon: '1h' }), {
      by: 'event-id',
      field: 'user_id',
      horizonMs: 3_600_000,
    })
  })
})

describe('the compiler refuses', () => {
  it('an event id that is no field, may be null, or is of a type that cannot be one', () => {
    const schema = { key: t.String(), at: t.Timestamp(), id: t.nullable(t.Int64()), x: t.Float64() }
    const by = 'event-id'
    pushSource({ name: 's', schema, dedupe: { by, field: 'key', horizon: '1d' } })
    // @ts-expect-error no field is named "other"
    pushSource({ name: 's', schema, dedupe: { by, field: 'other', horizon: '1d' } })
    // @ts-expect-error "id" is nullable
    pushSource({ name: 's', schema, dedupe: { by, field: 'id', horizon: '1d' } })
    // @ts-expect-error Float64
    pushSource({ name: 's', schema, dedupe: { by, field: 'x', horizon: '1d' } })
    // @ts-expect-error the horizon is missing
    pushSource({ name: 's', schema, dedupe: { by, field: 'key' } })
  })
})
