/**
 * What may happen to a daemon and its producers, one step after the other, made at random.
 */
import fc from 'fast-check'

export const producerCount = 3
export const tills = ['a', 'b', 'c']
export const userCount = 3
export const shardCount = 2

/** An event as a story says it: a sale of a till, or a receipt that may have come before. */
export interface StoryEvent {
  readonly till: string
  readonly user: number
  readonly amount: number
  readonly receipt: number
  readonly isWrong: boolean
}

export type StoryLog = 'journal' | 'ledger'

export type StorySource = 'sales' | 'receipts' | 'nowhere'

export type Step =
  /** A connection: with a new epoch, or to go on. One that is open is taken over. */
  | { readonly kind: 'connect'; readonly producer: number; readonly isNew: boolean }
  | {
      readonly kind: 'publish'
      readonly producer: number
      readonly source: StorySource
      readonly events: readonly StoryEvent[]
    }
  /** One of the batches that are not acknowledged is sent again; or what has been, long ago. */
  | { readonly kind: 'repeat'; readonly producer: number; readonly back: number }
  /** A batch is sent behind one that is not. */
  | { readonly kind: 'gap'; readonly producer: number }
  /** A producer hears what it was sent. */
  | { readonly kind: 'deliver'; readonly producer: number }
  /** Its connection breaks, with all that it has not heard. */
  | { readonly kind: 'cut'; readonly producer: number }
  /** Flushes of a log take their time from now on, until they are let go. */
  | { readonly kind: 'hold'; readonly log: StoryLog }
  /** Of one shard, or of all. */
  | { readonly kind: 'checkpoint'; readonly shard: number | null }
  | { readonly kind: 'release' | 'drain' | 'check' }
  /** The clock goes on, or is set back. */
  | { readonly kind: 'tick'; readonly ms: number }
  /** With little memory for the next life, where keys live on disk and come and go. */
  | { readonly kind: 'kill'; readonly isTight: boolean }
  | { readonly kind: 'power loss'; readonly seed: number; readonly isTight: boolean }

const producer = fc.nat(producerCount - 1)

const event = fc.record({
  till: fc.constantFrom(...tills),
  user: fc.nat(userCount - 1),
  amount: fc.nat(100),
  receipt: fc.nat(4),
  isWrong: fc.nat(5).map((n) => n === 0),
})

const publish = fc.record({
  kind: fc.constant('publish' as const),
  producer,
  source: fc.constantFrom<StorySource>('sales', 'sales', 'sales', 'receipts', 'nowhere'),
  events: fc.array(event, { minLength: 1, maxLength: 6 }),
})

const of = <K extends Step['kind']>(kind: K) => ({ kind: fc.constant(kind) })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: publish },
  { weight: 4, arbitrary: fc.record({ ...of('connect'), producer, isNew: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ ...of('deliver'), producer }) },
  { weight: 2, arbitrary: fc.record({ ...of('repeat'), producer, back: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ ...of('gap'), producer }) },
  { weight: 2, arbitrary: fc.record({ ...of('cut'), producer }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...of('hold'),
      log: fc.constantFrom<StoryLog>('journal', 'ledger'),
    }),
  },
  { weight: 2, arbitrary: fc.record(of('release')) },
  {
    weight: 4,
    arbitrary: fc.record({ ...of('checkpoint'), shard: fc.constantFrom(null, 0, 1) }),
  },
  { weight: 2, arbitrary: fc.record(of('check')) },
  { weight: 1, arbitrary: fc.record(of('drain')) },
  {
    weight: 1,
    arbitrary: fc.record({ ...of('tick'), ms: fc.integer({ min: -100_000, max: 100_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ ...of('kill'), isTight: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ ...of('power loss'), seed: fc.nat(), isTight: fc.boolean() }),
  },
)

/** Stories in which every producer is connected to begin with. */
export const stories: fc.Arbitrary<readonly Step[]> = fc
  .array(step, { minLength: 5, maxLength: 60 })
  .map((steps) => [
    ...Array.from({ length: producerCount }, (_, producer) => ({
      kind: 'connect' as const,
      producer,
      isNew: true,
    })),
    ...steps,
  ])
