/**
 * The same events over HTTP into one daemon and over a WebSocket into another, for definitions made
 * at random: what `get-features` answers, what the client reads, and what the naive oracle counts
 * are the same values.
 *
 * Method: fast-check makes views of one source, and batches of its events, each of which goes over
 * HTTP in one of the forms there are. A view without an end takes every event, so that none is
 * rejected; what is too late for another view is not in its windows. The daemons differ in shards.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { ManualClock } from '../../src/base/clock.ts'
import { MillraceClient } from '../../src/client/client.ts'
import type { Millrace } from '../../src/daemon/millrace.ts'
import { startMillrace } from '../../src/daemon/start.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { attribute } from '../../src/index.ts'
import type { Feature, View } from '../../src/model/catalog.ts'
import { sawtoothTileMs } from '../../src/model/tiles.ts'
import { formatTimestamp } from '../../src/model/timestamp.ts'
import type { DataType, Value } from '../../src/model/types.ts'
import { httpForms, httpRequestOf } from './http-forms.ts'
import { compare } from './naive.ts'
import { oracle, type OracleEvent } from './oracle.ts'
import { events, views } from './story-arbitraries.ts'
import type { Run } from './story-run.ts'
import { rowsOf, startMs, storyDefinitions, type RawEvent, type StoryView } from './story-view.ts'

const ids = ['a', 'b', 'c', 'never']

/** Later than every event of a story, ms. */
const endMs = startMs + 400_000

/** Takes every event. */
const endless: StoryView = {
  mode: 'sawtooth',
  leadingEdge: 'wall-clock',
  features: [attribute('whole'), attribute('amount'), attribute('place')],
}

const batch = fc.record({
  form: fc.constantFrom(...httpForms),
  events: events({ uniqueTimes: false }),
  advanceMs: fc.constantFrom(0, 1, 5000),
})

const stories = fc.record({
  // Many at a time: what takes long is to start a daemon. Transforms would have to be in a file.
  views: fc.array(
    views.map(({ isSplit: _isSplit, dedupe: _rule, ...view }): StoryView => view),
    { minLength: 12, maxLength: 12 },
  ),
  rule: fc.constantFrom({}, { dedupe: { by: 'event-time' as const } }),
  batches: fc.array(batch, { minLength: 8, maxLength: 16 }),
})

type Story = typeof stories extends fc.Arbitrary<infer S> ? S : never

/** Throws at the first story of which a value is not the same by all three. */
export async function httpRun({ runs, seed }: Run): Promise<void> {
  await fc.assert(fc.asyncProperty(stories, play), {
    seed,
    numRuns: runs,
    endOnFailure: true,
    includeErrorInReport: true,
  })
}

async function play({ views, rule, batches }: Story): Promise<void> {
  const features = storyDefinitions([endless, ...views], rule)
  const dir = await mkdtemp(join(tmpdir(), 'millrace-http-'))
  const clock = new ManualClock(startMs)
  const start = (name: string, shards: number): Promise<Millrace> =>
    startMillrace({ features, clock, shards, threads: 1, dataDir: join(dir, name) })
  const overHttp = await start('http', 2)
  const overWire = await start('wire', 3)
  const client = new MillraceClient({ url: overWire.url })
  try {
    for (const { form, events, advanceMs } of batches) {
      clock.set(clock.nowMs() + advanceMs)
      const { path, type, body } = httpRequestOf(form, events)
      const headers = { 'content-type': type }
      const response = await fetch(overHttp.url + path, { method: 'POST', headers, body })
      assert.equal(response.status, 200, await response.text())
      const { rejected } = await client.publish('events', events.map(publishedOf))
      assert.deepEqual(rejected, [])
    }
    clock.set(endMs)
    await check(overHttp.url, client, {
      views: buildCatalog(features).views,
      events: batches.flatMap((each) => each.events),
    })
  } finally {
    await client.close()
    await Promise.all([overHttp.close(), overWire.close()])
    await rm(dir, { recursive: true, force: true })
  }
}

function publishedOf({ timeNs, ...event }: RawEvent): Record<string, unknown> {
  return { ...event, at: formatTimestamp(timeNs) }
}

interface Counted {
  readonly views: readonly View[]
  readonly events: readonly RawEvent[]
}

async function check(url: string, client: MillraceClient, { views, events }: Counted) {
  const rows = events.flatMap((event) => rowsOf(endless, event))
  const served = await platformValues(url)
  const read = await client.get(
    'all',
    ids.map((id) => ({ id })),
  )
  for (const [n, id] of ids.entries()) {
    for (const view of views) {
      const expected = oracle(rows, view, id, edgeNs(view, rows), sawtoothTileMs)
      for (const [place, feature] of view.features.entries()) {
        const name = `${view.name}.${feature.name}`
        const value = expected[place] ?? null
        assert.deepEqual(read[n]!.values[name], value, `${name} of ${id} over a WebSocket`)
        const told = served[n]!.get(name)
        assert.ok(told !== undefined, `${name} is served`)
        const written = withoutNothing(feature, writtenOf(feature.type, value))
        assert.deepEqual(withoutNothing(feature, told), written, `${name} of ${id} over HTTP`)
      }
    }
  }
}

/** The clock, or the newest event. */
function edgeNs({ leadingEdge }: View, rows: readonly OracleEvent[]): bigint {
  if (leadingEdge === 'wall-clock') return BigInt(endMs) * 1_000_000n
  return rows
    .map(({ timeNs }) => timeNs)
    .toSorted(compare)
    .at(-1)!
}

/** By key, in a batch and one by one: value by name, as it is written. */
async function platformValues(url: string): Promise<ReadonlyMap<string, unknown>[]> {
  const common = { workspaceName: 'w', featureServiceName: 'all' }
  const metadataOptions = { includeNames: true }
  const ask = async (path: string, params: object): Promise<PlatformAnswer> => {
    const body = JSON.stringify({ params: { ...common, metadataOptions, ...params } })
    const response = await fetch(`${url}/api/v1/feature-service/${path}`, { method: 'POST', body })
    const text = await response.text()
    assert.equal(response.status, 200, text)
    return JSON.parse(text) as PlatformAnswer
  }
  const requestData = ids.map((id) => ({ joinKeyMap: { id } }))
  const { result, metadata } = await ask('get-features-batch', { requestData })
  for (const [n, row] of requestData.entries()) {
    const single = await ask('get-features', row)
    assert.deepEqual(single, { result: (result as Vector[])[n], metadata })
  }
  return (result as Vector[]).map(
    ({ features }) => new Map(metadata.features.map(({ name }, n) => [name, features[n]])),
  )
}

interface Vector {
  readonly features: readonly unknown[]
}

interface PlatformAnswer {
  readonly result: Vector | readonly Vector[]
  readonly metadata: { readonly features: readonly { readonly name: string }[] }
}

/** To the platform's clients, a series of windows without any event is told window by window. */
function withoutNothing(feature: Feature, written: unknown): unknown {
  const isSeries = feature.kind === 'aggregate' && feature.window.kind === 'series'
  const isEmpty = isSeries && Array.isArray(written) && written.every((each) => each === null)
  return isEmpty ? null : written
}

/** A value of the types that stories have, in the platform's encoding. */
function writtenOf(type: DataType, value: Value): unknown {
  if (value === null) return null
  if (type.kind === 'Array') {
    return (value as readonly Value[]).map((each) => writtenOf(type.element, each))
  }
  if (type.kind === 'Int64' || type.kind === 'Int32') return String(value as bigint | number)
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}
