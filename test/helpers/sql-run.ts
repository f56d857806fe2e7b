/**
 * Stories made at random, and the two oracles beside each other.
 */
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { functionLabel } from '../../src/model/aggregate-function.ts'
import type { Feature, View } from '../../src/model/catalog.ts'
import type { Value } from '../../src/model/types.ts'
import { sawtoothTileMs } from '../../src/model/tiles.ts'
import { oracle } from './oracle.ts'
import { agrees, openSqlOracle, type Said, type SqlOracle, type SqlStory } from './sql-oracle.ts'
import { events, views } from './story-arbitraries.ts'
import { catalogOf, rowsOf, startMs, type RawEvent } from './story-view.ts'

/** Stories of one run at most: DuckDB answers all of them together. */
const runStoriesMax = 100

/** Where windows are read: near the start of the story and, as the clock goes on, after it. */
const edgeMs = fc.oneof(
  fc.constantFrom(0, 10_000, 3_600_000),
  fc.integer({ min: -3_600_000, max: 100_000_000 }),
)

/** Moments onto which a story's events are put: some stories have all of theirs on tiles' edges. */
const roundMs = fc.constantFrom(1, 1, 10_000, 60_000, 3_600_000)

interface Story extends SqlStory {
  readonly view: View
}

const story: fc.Arbitrary<Story> = fc
  .record({
    view: views,
    parts: fc.array(events({ uniqueTimes: false }), { minLength: 1, maxLength: 6 }),
    edge: fc.oneof(
      fc.constant(null),
      fc.record({ edgeMs, ns: fc.constantFrom(0, 1, 999_999), isRound: fc.boolean() }),
    ),
    roundMs,
  })
  .map(({ view, parts, edge, roundMs }) => {
    const rounded = (ms: number): number => Math.floor(ms / roundMs) * roundMs
    const list = parts.flat().flatMap((event) => rowsOf(view, at(event, roundMs)))
    const latest = list.reduce((max, { timeNs }) => (timeNs > max ? timeNs : max), 0n)
    if (edge === null) return { view: catalogOf(view).views[0]!, events: list, edgeNs: latest }
    const ms = edge.isRound ? rounded(startMs + edge.edgeMs) : startMs + edge.edgeMs
    const edgeNs = BigInt(ms) * 1_000_000n + BigInt(edge.isRound ? 0 : edge.ns)
    return { view: catalogOf(view).views[0]!, events: list, edgeNs }
  })

/** The event at the last round moment before its own. */
function at(event: RawEvent, roundMs: number): RawEvent {
  const round = BigInt(roundMs) * 1_000_000n
  return roundMs === 1 ? { ...event } : { ...event, timeNs: (event.timeNs / round) * round }
}

export interface SqlRunOptions {
  readonly runs: number
  readonly seed: number
}

/** What has been compared. */
export interface SqlRunResult {
  readonly stories: number
  readonly values: number
  /** Functions, each with its column and mode, of which a value that is not null was compared. */
  readonly compared: ReadonlySet<string>
}

/** Throws at the first difference, which it makes small; null where DuckDB cannot be loaded. */
export async function sqlRun({ runs, seed }: SqlRunOptions): Promise<SqlRunResult | null> {
  const sql = await openSqlOracle()
  if (sql === null) return null
  const result = { stories: 0, values: 0, compared: new Set<string>() }
  try {
    const many = fc.array(story, { minLength: 1, maxLength: runStoriesMax, size: 'max' })
    await fc.assert(
      fc.asyncProperty(many, async (stories) => {
        await compareAll(sql, stories, result)
      }),
      { seed, numRuns: runs },
    )
  } finally {
    sql.close()
  }
  return result
}

async function compareAll(
  sql: SqlOracle,
  stories: readonly Story[],
  result: { stories: number; values: number; readonly compared: Set<string> },
): Promise<void> {
  const answers = await sql.answer(stories)
  for (const [n, { view, events, edgeNs }] of stories.entries()) {
    result.stories++
    for (const key of ['a', 'b', 'c', 'never']) {
      const values = oracle(events, view, key, edgeNs, sawtoothTileMs)
      for (const [place, feature] of view.features.entries()) {
        const said = answers[n]!.get(key)?.[place] ?? null
        const value = values[place]
        result.values++
        if (value !== null) result.compared.add(`${nameOf(feature)} ${view.mode}`)
        assert.ok(agrees(value, said), differenceText(feature, key, value, said))
      }
    }
  }
}

function nameOf(feature: Feature): string {
  const label = feature.kind === 'aggregate' ? functionLabel(feature.fn) : feature.kind
  return `${label} of ${feature.column}`
}

function differenceText(
  feature: Feature,
  key: string,
  value: Value | undefined,
  said: Said,
): string {
  return `${feature.name} of ${key}: ${inspect(value)} here, ${inspect(said)} in SQL`
}
