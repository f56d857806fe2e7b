/**
 * Stories of events with ids, made at random and held to a naive filter.
 *
 * Method: fast-check makes a story of batches with few keys and ids, of which some come too late,
 * from the future, ahead of the clock or into a transform that throws; checkpoints, evictions and
 * crashes between them, in one shard or several. Every verdict is compared with a naive filter over
 * the journal, at once and again at each replay, and so are the counts in the end.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { fates, idHorizonMs, IdStory, type Fate, type IdStep } from './id-story.ts'
import type { Run } from './story-run.ts'

const event = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  id: fc.constantFrom('1', '2', 'ünïcode', '4'.repeat(40)),
  fate: fc.constantFrom<Fate>('counts', 'counts', ...fates),
})

const advanceMs = fc.oneof(
  fc.constantFrom(0, 1, idHorizonMs - 1, idHorizonMs, idHorizonMs + 1),
  fc.integer({ min: 0, max: idHorizonMs / 2 }),
  fc.integer({ min: 0, max: 3 * idHorizonMs }),
)

const step: fc.Arbitrary<IdStep> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      events: fc.array(event, { minLength: 1, maxLength: 12 }),
      advanceMs,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('begin', 'turn', 'checkpoint', 'evict', 'crash', 'power loss'),
    }) as fc.Arbitrary<IdStep>,
  },
)

const stories = fc.record({
  shards: fc.constantFrom(1, 1, 3),
  hasTransform: fc.boolean(),
  steps: fc.array(step, { minLength: 1, maxLength: 16 }),
})

/** Plays stories; throws at the first of which a verdict or a count is not the filter's. */
export async function idRun({ runs, seed }: Run): Promise<void> {
  await fc.assert(
    fc.asyncProperty(stories, async ({ steps, ...options }) => {
      const dir = await mkdtemp(join(tmpdir(), 'millrace-property-'))
      const story = await IdStory.open(dir, options)
      try {
        for (const one of steps) await story.play(one)
        story.check()
      } finally {
        await story.close()
        await rm(dir, { recursive: true, force: true })
      }
    }),
    { seed, numRuns: runs },
  )
}
