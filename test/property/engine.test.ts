/**
 * Every value of a shard equals a recount of the raw events, whatever happens on the way.
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
import { test } from 'node:test'
import fc from 'fast-check'
import { ShardStory, type Step } from '../helpers/shard-story.ts'
import { events, stories, views } from '../helpers/story-arbitraries.ts'

const fuzz = { seed: 42, endOnFailure: false }

async function inTemporary<T>(run: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-property-'))
  try {
    return await run(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

test('values equal the oracle through batches, checkpoints, evictions and crashes', async () => {
  await fc.assert(
    fc.asyncProperty(stories, async ({ view, steps }) => {
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
    { ...fuzz, numRuns: 500 },
  )
})

test('any permutation and any batching of the same events give the same values', async () => {
  const shuffled = fc.tuple(views, events({ uniqueTimes: true })).chain(([view, list]) =>
    fc.record({
      view: fc.constant(view),
      list: fc.constant(list),
      order: fc.shuffledSubarray([...list.keys()], { minLength: list.length }),
      cuts: fc.array(fc.nat(list.length), { maxLength: 6 }),
    }),
  )
  await fc.assert(
    fc.asyncProperty(shuffled, async ({ view, list, order, cuts }) => {
      const all: Step = { kind: 'batch', events: list, advanceMs: 0 }
      const permuted = order.map((place) => list[place]!)
      const edges = [0, ...cuts.toSorted((a, b) => a - b), list.length]
      const parts = edges.slice(1).map((edge, i) => permuted.slice(edges[i], edge))
      const batches = parts.map((part): Step => ({ kind: 'batch', events: part, advanceMs: 0 }))
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
    { ...fuzz, numRuns: 150 },
  )
})
