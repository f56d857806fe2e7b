/**
 * What the compiler says of a view whose options do not go with its features. A mistake that
 * compiles is an unused `@ts-expect-error`.
 */
import { describe, it } from 'node:test'
import { aggregate } from '../../src/define/aggregate.ts'
import { attribute } from '../../src/define/attribute.ts'
import { entity } from '../../src/define/entity.ts'
import { pushSource } from '../../src/define/source.ts'
import { t, type FieldSchema, type Fields } from '../../src/define/types.ts'
import {
  streamFeatureView,
  type FeatureDefinition,
  type StreamFeatureViewOptions,
} from '../../src/define/view.ts'

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only when the type argument is `true`. */
function holds<_Claim extends true>(): void {}

const view = {
  name: 'v',
  source: pushSource({
    name: 'impressions',
    schema: {
      user_id: t.String(),
      ad_id: t.Int64(),
      at: t.Timestamp(),
      clicked: t.Int64(),
      price: t.nullable(t.Float64()),
    },
  }),
  entities: [entity({ name: 'user', joinKeys: { user_id: t.String() } })],
} as const
const features = [aggregate('clicked', 'sum', '1h')] as const

interface Columns extends Fields {
  readonly clicked: FieldSchema<'Int64', bigint>
  readonly maybe: FieldSchema<'String', string | null>
  readonly list: FieldSchema<'Array', readonly string[]>
}

/** What an option is compared with, which is what the compiler shows. */
type Option<
  Name extends 'aggregationSecondaryKey' | 'ttl',
  Features extends readonly FeatureDefinition[],
  Key extends string = never,
> = NonNullable<
  StreamFeatureViewOptions<
    'v',
    's',
    Columns,
    [],
    Features,
    Pick<Columns, 'clicked' | 'maybe' | 'list'>,
    'sawtooth',
    '1h',
    Fields,
    Key
  >[Name]
>

type Aggregates = typeof features
type Attributes = readonly [ReturnType<typeof attribute<'price'>>]

describe('views that do not compile, and the sentence that is shown', () => {
  it('a secondary key that cannot be one', () => {
    streamFeatureView({ ...view, features, aggregationSecondaryKey: 'ad_id' })
    // @ts-expect-error no column is named "ad"
    streamFeatureView({ ...view, features, aggregationSecondaryKey: 'ad' })
    // @ts-expect-error secondary key "price" is Float64, which cannot be a key
    streamFeatureView({ ...view, features, aggregationSecondaryKey: 'price' })
    // @ts-expect-error a secondary key is for views of aggregates
    streamFeatureView({ ...view, features: [attribute('price')], aggregationSecondaryKey: 'ad_id' })

    type Said<Key extends string> = Option<'aggregationSecondaryKey', Aggregates, Key>
    holds<Equal<Said<'clicked'>, 'clicked'>>()
    holds<Equal<Said<'ad'>, 'no column is named "ad"'>>()
    holds<Equal<Said<'maybe'>, 'secondary key "maybe" is nullable'>>()
    holds<Equal<Said<'list'>, 'secondary key "list" is Array, which cannot be a key'>>()
    type SaidOfAttributes = Option<'aggregationSecondaryKey', Attributes, 'clicked'>
    holds<Equal<SaidOfAttributes, 'a secondary key is for views of aggregates'>>()
  })

  it('a time to live of aggregates', () => {
    streamFeatureView({ ...view, features: [attribute('price')], ttl: '1d' })
    // @ts-expect-error a ttl is for views of attributes
    streamFeatureView({ ...view, features, ttl: '1d' })
    type Said = Option<'ttl', Aggregates>
    const sentence: Said =
      'a ttl is for views of attributes; a window says how long an event counts'
    holds<Equal<Said, typeof sentence>>()
    // What the compiler does not know is left to the loader.
    const unknown: readonly FeatureDefinition[] = [attribute('price')]
    streamFeatureView({ ...view, features: unknown, ttl: '1d' })
  })

  it('aggregates beside attributes', () => {
    streamFeatureView({
      ...view,
      features: [
        aggregate('clicked', 'sum', '1h'),
        // @ts-expect-error a view has aggregates or attributes, not both
        attribute('price'),
      ],
    })
  })
})
