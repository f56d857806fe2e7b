/**
 * The benches work: each runs in its smoke size. Nothing here says how fast.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { benches } from '../../bench/benches.ts'
import { standardValues, type Options } from '../../bench/harness.ts'
import { withResults } from '../../bench/results.ts'

for (const bench of benches) {
  test(`${bench.name} measures its smoke size and finds it right`, async () => {
    const values = standardValues(bench.options, true)
    const settings = { repeats: 1, seed: 1, profileDir: null }
    const { json, cells } = await bench.run(values, settings)
    assert.equal(json['bench'], bench.name)
    assert.equal(json['repeats'], 1)
    assert.equal(json['seed'], 1)
    assert.match(json['checksum'] as string, /^[0-9a-f]{16}$/)
    assert.ok((json['min'] as number) > 0 && (json['min'] as number) <= (json['max'] as number))
    const machine = json['machine'] as Record<string, unknown>
    assert.deepEqual(Object.keys(machine), [
      'cpu',
      'cores',
      'memoryBytes',
      'kernel',
      'node',
      'commit',
      'loadBefore',
    ])
    assert.deepEqual(JSON.parse(JSON.stringify(json)), json, 'every figure is a number')
    assert.equal(cells.length, bench.titles.length)
  })
}

test('ingest tells what it has measured, and the same events give the same checksum', async () => {
  const ingest = benches.find(({ name }) => name === 'ingest')!
  const settings = { repeats: 2, seed: 7, profileDir: null }
  const values = {
    ...standardValues(ingest.options, true),
    events: 4000,
    zipf: 1.1,
    frame: 1,
    peers: 0,
  }
  const { json } = await ingest.run(values, settings)
  assert.equal(json['frameEvents'], 1)
  assert.equal(json['keys'], 1000)
  assert.equal(json['zipf'], 1.1)
  assert.equal(json['repeats'], 2)
  for (const figure of ['eventsPerSecond', 'seconds', 'rssBytes', 'events']) {
    assert.ok((json[figure] as number) >= 0, figure)
  }
  const { p50, p99, max } = json['ackMs'] as { p50: number; p99: number; max: number }
  assert.ok(p50 > 0 && p50 <= p99 && p99 <= max)
  assert.equal(json['checksum'], '0937c68da1260a54')
  assert.equal(json['ratioToDecode'], null, 'peers are left out')
})

test('http tells latencies, rates, and what a server that does nothing makes of them', async () => {
  const http = benches.find(({ name }) => name === 'http')!
  const values = standardValues(http.options, true)
  const checksums = new Set<unknown>()
  for (const seed of [1, 2]) {
    const { json } = await http.run(values, { repeats: 1, seed, profileDir: null })
    for (const name of ['ingest1kMs', 'getFeaturesMs', 'helloWorldMs']) {
      const { p50, p99 } = json[name] as { p50: number; p99: number }
      assert.ok(p50 > 0 && p50 <= p99, name)
    }
    for (const name of ['ingestMaxPerSecond', 'getFeaturesMaxPerSecond', 'helloWorldPerSecond']) {
      assert.ok((json[name] as number) > 0, name)
    }
    const { records, vectors } = json['ratioToHelloWorld'] as { records: number; vectors: number }
    assert.ok(records > 0 && vectors > 0)
    checksums.add(json['checksum'])
  }
  assert.equal(checksums.size, 2, 'what is sent follows from the seed')
})

test('every bench has its place in the page of results', () => {
  const root = dirname(createRequire(import.meta.url).resolve('millrace/package.json'))
  const page = readFileSync(join(root, 'bench', 'RESULTS.md'), 'utf8')
  for (const { name } of benches) withResults(page, name, '')
})

test('an option has a smoke size only where it differs', () => {
  const options: Options = {
    keys: { standard: 10, smoke: 1, description: '' },
    zipf: { standard: 0, description: '' },
  }
  assert.deepEqual(standardValues(options, true), { keys: 1, zipf: 0 })
  assert.deepEqual(standardValues(options, false), { keys: 10, zipf: 0 })
})
