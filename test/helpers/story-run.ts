/**
 * Stories made at random, played by one shard and recounted by the naive oracle.
 *
 * Method: fast-check makes a view, events and a story: batches in any order and size, checkpoints,
 * evictions, crashes, reads at any moment. After every step that reads, each key's values are
 * compared with the naive oracle over the events that were accepted so far. A crash loses the
 * memory: the shard is opened again and the whole journal is sent through it once more.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { ShardStory, type Step } from './shard-story.ts'
import { events, foldedStories, stories, views } from './story-arbitraries.ts'

/** One run of a property. */
export interface Run {
  readonly runs: number
  readonly seed: number
}

async function inTemporary(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-property-'))
  try {
    await run(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** Plays stories; throws at the first of which a value is not the oracle's. */
export async function storyRun({ runs, seed }: Run, of = stories): Promise<void> {
  await fc.assert(
    fc.asyncProperty(of, async ({ view, steps }) => {
      await inTemporary(async (dir) => {
        const story = await ShardStory.open(dir, view)
        try {
          for (const step of steps) await story.play(step)
          story.check()
        } finally {
          await story.close()
        }
      })
    }),
    { seed, numRuns: runs },
  )
}

const shuffled = fc.tuple(views, events({ uniqueTimes: true })).chain(([view, list]) =>
  fc.record({
    view: fc.constant(view),
    list: fc.constant(list),
    order: fc.shuffledSubarray([...list.keys()], { minLength: list.length }),
    cuts: fc.array(fc.nat(list.length), { maxLength: 6 }),
  }),
)

/** The same of views whose tiles are folded, with a clock that moves by days. */
export async function foldedRun(run: Run): Promise<void> {
  await storyRun(run, foldedStories)
}

/** Plays events in one batch, and in another order and several; throws where values differ. */
export async function permutationRun({ runs, seed }: Run): Promise<void> {
  await fc.assert(
    fc.asyncProperty(shuffled, async ({ view, list, order, cuts }) => {
      const all: Step = { kind: 'batch', events: list, advanceMs: 0, betweenMs: 0 }
      const permuted = order.map((place) => list[place]!)
      const edges = [0, ...cuts.toSorted((a, b) => a - b), list.length]
      const parts = edges.slice(1).map((edge, i) => permuted.slice(edges[i], edge))
      const batches = parts.map((part): Step => ({
        kind: 'batch',
        events: part,
        advanceMs: 0,
        betweenMs: 0,
      }))
      await inTemporary(async (dir) => {
        const one = await ShardStory.open(join(dir, 'one'), view)
        const many = await ShardStory.open(join(dir, 'many'), view)
        await one.play(all)
        for (const batch of batches) await many.play(batch)
        assert.deepEqual(many.values(), one.values())
        one.check()
        await one.close()
        await many.close()
      })
    }),
    { seed, numRuns: runs },
  )
}
