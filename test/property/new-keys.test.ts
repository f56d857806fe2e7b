/**
 * Which event is of a key too many follows from the events before it and their arrivals alone:
 * checkpoints, evictions, sweeps, reads ahead and crashes change nothing of it, nor does a limit
 * that is another one from then on.
 *
 * Keys come back within seconds and after more than a week; the day changes several times.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { aggregate, attribute, entity, pushSource, streamFeatureView, t } from '../../src/index.ts'
import { NewKeysStory, type LimitedStep } from '../helpers/new-keys-story.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

const source = pushSource({
  name: 'visits',
  schema: { id: t.String(), at: t.Timestamp(), pages: t.Int64() },
  timestampField: 'at',
})
const entities = [entity({ name: 'user', joinKeys: { id: t.String() } })] as const
const common = { name: 'visitors', source, entities } as const
const sums = [aggregate('pages', 'sum', '1h')] as const

const views = fc.constantFrom<object>(
  streamFeatureView({ ...common, features: sums }),
  streamFeatureView({ ...common, features: sums, leadingEdge: 'latest-event' }),
  streamFeatureView({
    ...common,
    mode: 'interval',
    aggregationInterval: '2d',
    features: [aggregate('pages', 'sum', '4d')],
  }),
  streamFeatureView({ ...common, ttl: '1h', features: [attribute('pages')] }),
)

const advanceMs = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 1, 2 * minuteMs, 7 * hourMs) },
  { weight: 1, arbitrary: fc.constantFrom(3 * dayMs, 6 * dayMs + 2 * hourMs, 8 * dayMs) },
)

const event = fc.record({
  id: fc.integer({ min: 0, max: 5 }),
  offsetMs: fc.constantFrom(0, -1, -30 * minuteMs, -2 * hourMs, 1, minuteMs, 5 * minuteMs),
})

const max = fc.integer({ min: 0, max: 3 })

const step: fc.Arbitrary<LimitedStep> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      advanceMs,
      events: fc.array(event, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      aheadMs: fc.constantFrom(0, 2 * minuteMs, 6 * minuteMs),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom({ kind: 'checkpoint' as const }, { kind: 'evict' as const }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      max,
      eventsMax: fc.constantFrom(1, 3, Infinity),
    }),
  },
)

test('a key too many is refused, the same in every life', async (context) => {
  const root = await temporaryDirectory(context)
  let stories = 0
  let refused = 0
  const steps = fc.array(step, { minLength: 4, maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(views, max, steps, async (view, first, all) => {
      stories += 1
      const story = await NewKeysStory.open(`${root}/${stories}`, view, first)
      try {
        for (const each of all) await story.play(each)
        // The last life ends as others do.
        await story.play({ kind: 'crash', max: 0, eventsMax: 3 })
        refused += story.refused
      } finally {
        await story.close()
      }
    }),
    { seed: 42, numRuns: 300 },
  )
  assert.ok(refused > 300, `${refused} events refused`)
})
