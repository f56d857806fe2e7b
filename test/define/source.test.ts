/**
 * What the compiler says about sources whose raw events a post-processor makes into rows. A mistake
 * that compiles is an unused `@ts-expect-error`.
 */
import { describe, it } from 'node:test'
import assert from 'node:assert/strict'
import { aggregate } from '../../src/define/aggregate.ts'
import { entity } from '../../src/define/entity.ts'
import type { FeaturesOf } from '../../src/define/service.ts'
import { pushSource, type EventOf, type RowOf } from '../../src/define/source.ts'
import { t, type Fields } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only when the type argument is `true`. */
function holds<_Claim extends true>(): void {}

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
const schema = { user_id: t.String(), at: t.Timestamp(), cents: t.Int64() } as const
const inputSchema = {
  user_id: t.String(),
  seconds: t.Int64(),
  price: t.nullable(t.Float64()),
} as const

const payments = pushSource({
  name: 'payments',
  schema,
  inputSchema,
  postProcessor: (raw) => {
    holds<Equal<typeof raw.seconds, bigint>>()
    holds<Equal<typeof raw.price, number | null>>()
    if (raw.price === null) return null
    const cents = BigInt(Math.round(raw.price * 100))
    return { user_id: raw.user_id, at: raw.seconds * 1_000_000_000n, cents }
  },
})

describe('types of a source with a post-processor', () => {
  it('producers push the input, transforms get the row', () => {
    holds<
      Equal<
        EventOf<typeof payments>,
        {
          readonly user_id: string
          readonly seconds: number | bigint
          readonly price?: number | null | undefined
        }
      >
    >()
    holds<
      Equal<
        RowOf<typeof payments>,
        { readonly user_id: string; readonly at: bigint; readonly cents: bigint }
      >
    >()
    const view = streamFeatureView({
      name: 'spend',
      source: payments,
      entities: [user],
      transform: (event) => {
        holds<Equal<typeof event, RowOf<typeof payments>>>()
        return event.cents > 0n ? event : null
      },
      features: [aggregate('cents', 'sum', '1d')],
    })
    holds<Equal<FeaturesOf<typeof view>, { readonly cents_sum_1d: bigint | null }>>()
    assert.equal(payments.inputSchema, inputSchema)
  })

  it('without one, both are of the schema', () => {
    const plain = pushSource({ name: 'plain', schema })
    holds<
      Equal<
        EventOf<typeof plain>,
        {
          readonly user_id: string
          readonly at: string | number | Date
          readonly cents: number | bigint
        }
      >
    >()
    assert.equal(plain.inputSchema, undefined)
  })

  it('a row may have more than the schema, and its fields may be in the input', () => {
    const source = pushSource({
      name: 'priced',
      schema: { user_id: t.String(), at: t.Timestamp(), total: t.Float64() },
      inputSchema: { user_id: t.String(), at: t.Timestamp(), price: t.Float64(), count: t.Int32() },
      postProcessor: (raw) => ({ ...raw, total: raw.price * raw.count }),
    })
    holds<Equal<EventOf<typeof source>['count'], number>>()
    holds<Equal<RowOf<typeof source>['at'], bigint>>()
    assert.equal(typeof source.postProcessor, 'function')
  })

  it('fields that the compiler does not know are left to the loader', () => {
    const known: Fields = inputSchema
    const source = pushSource({
      name: 'dynamic',
      schema,
      inputSchema: known,
      postProcessor: (raw) => ({ user_id: String(raw['user_id']), at: 0n, cents: 1n }),
    })
    const features = [aggregate('cents', 'sum', '1h')] as const
    const view = streamFeatureView({ name: 'v', source, entities: [user], features })
    assert.equal(view.source, source)
  })
})

describe('mistakes with a post-processor that do not compile', () => {
  it('one without the other', () => {
    // @ts-expect-error there is no postProcessor
    pushSource({ name: 's', schema, inputSchema })
    // @ts-expect-error there is no inputSchema
    pushSource({ name: 's', schema, postProcessor: () => null })
  })

  it('a result that does not fit the schema', () => {
    const row = { user_id: 'u', at: 0n, cents: 1n }
    pushSource({
      name: 's',
      schema,
      inputSchema,
      // @ts-expect-error cents is missing
      postProcessor: (raw) => ({ user_id: raw.user_id, at: 0n }),
    })
    pushSource({
      name: 's',
      schema,
      inputSchema,
      // @ts-expect-error a number is not an Int64 value
      postProcessor: () => ({ ...row, cents: 1 }),
    })
    pushSource({
      name: 's',
      schema,
      inputSchema,
      // @ts-expect-error one row, not several
      postProcessor: () => [row],
    })
    pushSource({
      name: 's',
      schema,
      inputSchema,
      // @ts-expect-error a promise is not a row
      postProcessor: async () => Promise.resolve(row),
    })
    pushSource({
      name: 's',
      schema,
      inputSchema,
      // @ts-expect-error undefined is not null
      postProcessor: () => {},
    })
  })

  it('a raw field that the input does not have', () => {
    pushSource({
      name: 's',
      schema,
      inputSchema,
      // @ts-expect-error cents is a field of the row
      postProcessor: (raw) => ({ user_id: raw.user_id, at: 0n, cents: raw.cents }),
    })
  })

  it('a join key that the input lacks, or has with another type', () => {
    const features = [aggregate('cents', 'sum', '1h')] as const
    const postProcessor = () => null
    const without = pushSource({
      name: 's',
      schema,
      inputSchema: { uid: t.String() },
      postProcessor,
    })
    const other = pushSource({
      name: 's',
      schema,
      inputSchema: { user_id: t.Int64() },
      postProcessor,
    })
    const nullable = pushSource({
      name: 's',
      schema,
      inputSchema: { user_id: t.nullable(t.String()) },
      postProcessor,
    })
    // @ts-expect-error the inputSchema of source "s" has no field for join key "user_id"
    streamFeatureView({ name: 'v', source: without, entities: [user], features })
    // @ts-expect-error join key "user_id" is String, but Int64 in the inputSchema of source "s"
    streamFeatureView({ name: 'v', source: other, entities: [user], features })
    // @ts-expect-error join key "user_id" is nullable in the inputSchema of source "s"
    streamFeatureView({ name: 'v', source: nullable, entities: [user], features })
  })

  it('an event time of the input', () => {
    pushSource({
      name: 's',
      schema,
      // @ts-expect-error the timestampField is one of the schema
      timestampField: 'time',
      inputSchema: { user_id: t.String(), time: t.Timestamp() },
      postProcessor: () => null,
    })
  })
})
