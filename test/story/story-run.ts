/**
 * Stories made at random, each played from an empty disk to the end of all faults.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { stories } from './steps.ts'
import { Story } from './story.ts'

export interface StoryRun {
  readonly runs: number
  readonly seed: number
  /** Where in the seed's tree to begin, to play one story again. */
  readonly path?: string
}

/** Throws at the first story that ends wrong, made as short as it can be. */
export async function deliveryRun({ runs, seed, path }: StoryRun): Promise<void> {
  const property = fc.asyncProperty(stories, async (steps) => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-story-'))
    try {
      const story = await Story.open(dir)
      try {
        for (const step of steps) await story.play(step)
        await story.finish()
      } finally {
        await story.close()
      }
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })
  await fc.assert(property, { seed, numRuns: runs, ...(path === undefined ? {} : { path }) })
}
