/**
 * Events that come from a batch source and from a stream, whatever of both holds them, with ends of
 * the daemon at any moment of either: every event counts once.
 *
 * Method: fast-check makes a view, events, and the boundary between the two. The batch source has
 * every event before the boundary, and some behind it; the stream brings every event behind it,
 * and some before. A story publishes, backfills, waits for some turns of the event loop,
 * checkpoints, and ends the daemon with the process or with the power. Then both are
 * brought to their end, and each key's values are compared with the naive oracle over all events,
 * each once.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { PastStory, type PastStep } from './past-story.ts'
import { events, views } from './story-arbitraries.ts'
import { startMs } from './story-view.ts'

const step: fc.Arbitrary<PastStep> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('publish' as const), count: fc.nat(4) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('backfill' as const),
      toMs: fc.option(fc.integer({ min: -4_000_000, max: 100_000 }), { freq: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('turns' as const), count: fc.nat(12) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('pause' as const, 'checkpoint' as const, 'kill' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('power loss' as const), seed: fc.nat() }) },
)

const pasts = fc
  .tuple(views, fc.array(events({ uniqueTimes: false }), { minLength: 1, maxLength: 5 }))
  .chain(([view, lists]) => {
    const list = lists.flat()
    return fc.record({
      view: fc.constant(view),
      list: fc.constant(list),
      boundaryMs: fc
        .oneof(fc.constantFrom(0, -1000), fc.integer({ min: -4_000_000, max: 100_000 }))
        .map((ms) => startMs + ms),
      isInBoth: fc.array(fc.boolean(), { minLength: list.length, maxLength: list.length }),
      batchRows: fc.integer({ min: 1, max: 4 }),
      steps: fc.array(step, { minLength: 1, maxLength: 16 }),
    })
  })

/** Throws at the first story of which a value is not the oracle's. */
export async function pastRun({
  runs,
  seed,
}: {
  readonly runs: number
  readonly seed: number
}): Promise<void> {
  await fc.assert(
    fc.asyncProperty(pasts, async ({ steps, ...past }) => {
      const dir = await mkdtemp(join(tmpdir(), 'millrace-past-'))
      try {
        const story = await PastStory.open(dir, past)
        try {
          for (const each of steps) await story.play(each)
          await story.finish()
          await story.check()
        } finally {
          await story.close()
        }
      } finally {
        await rm(dir, { recursive: true, force: true })
      }
    }),
    { seed, numRuns: runs },
  )
}
