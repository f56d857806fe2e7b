import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksum, defineBench, medians, type Figures } from '../../bench/harness.ts'
import { summarize } from '../../bench/profile.ts'
import { markdownTable, withResults } from '../../bench/results.ts'

test('the median is taken figure by figure, groups included', () => {
  const repeats = [
    { a: 3, ms: { p50: 1 } },
    { a: 1, ms: { p50: 9 } },
    { a: 2, ms: { p50: 5 } },
  ]
  assert.deepEqual(medians(repeats), { a: 2, ms: { p50: 5 } })
  assert.deepEqual(medians(repeats.slice(0, 2)), { a: 2, ms: { p50: 5 } })
  assert.deepEqual(medians(repeats.slice(0, 1)), repeats[0])
})

test('what one of the repeats has not measured has no median', () => {
  const repeats = [
    { a: 3, b: null, each: { p: 1, q: null } },
    { a: 1, b: 2, each: { p: 3, q: 4 } },
  ]
  assert.deepEqual(medians<Figures>(repeats), { a: 2, b: null, each: { p: 2, q: null } })
})

test('a bench reports medians, the spread of its headline, and one checksum', async () => {
  const rates = [30, 10, 20]
  const bench = defineBench({
    name: 'a',
    question: '?',
    options: { n: { standard: 1, description: '' } },
    headline: 'rate',
    columns: {
      rate: ({ rate, min, max }: { rate: number; min: number; max: number }) =>
        `${min} ${rate} ${max}`,
    },
    rows: [],
    measure: () => Promise.resolve({ figures: { rate: rates.pop()! }, checksum: 'abc' }),
  })
  const { json, cells } = await bench.run({ n: 1 }, { repeats: 3, seed: 1, profileDir: null })
  assert.deepEqual(cells, ['10 20 30'])
  const { rate, min, max, checksum } = json
  assert.deepEqual({ rate, min, max, checksum }, { rate: 20, min: 10, max: 30, checksum: 'abc' })
})

test('a checksum tells apart what differs', () => {
  assert.match(checksum(['a', 'b']), /^[0-9a-f]{16}$/)
  assert.notEqual(checksum(['a', 'b']), checksum(['ab']))
})

test('results replace what stands between the markers of their bench, and nothing else', () => {
  const page = 'a\n<!-- x -->\n\nold\n\n<!-- end of x -->\nb\n<!-- y -->\n\n<!-- end of y -->\n'
  const written = withResults(page, 'x', 'new')
  assert.equal(written, page.replace('old', 'new'))
  assert.equal(withResults(written, 'x', 'new'), written)
  assert.match(withResults(page, 'y', 'z'), /<!-- y -->\n\nz\n\n<!-- end of y -->/)
  assert.throws(() => withResults(page, 'z', 'new'), /no place for z/)
})

test('a table is aligned to the right', () => {
  const table = markdownTable([
    ['a', 'keys'],
    ['10', '1'],
  ])
  assert.equal(table, '|  a | keys |\n| -: | ---: |\n| 10 |    1 |')
})

test('a profile is summed up by function, the time of idling left out', () => {
  const frame = (id: number, functionName: string, url = '', lineNumber = -1) => ({
    id,
    callFrame: { functionName, url, lineNumber },
  })
  const url = 'file:///a/b/src/route/key-scan.js'
  const { busyMs, functions } = summarize({
    nodes: [
      frame(1, '(root)'),
      frame(2, '(idle)'),
      frame(3, 'scan', url, 70),
      frame(4, '', url, 0),
    ],
    samples: [3, 2, 4, 3, 3],
    timeDeltas: [0, 3000, 9000, 1000, 1000],
  })
  assert.equal(busyMs, 5)
  assert.deepEqual(functions, [
    { name: 'scan src/route/key-scan.js:71', selfMs: 4, share: 0.8 },
    { name: '(anonymous) src/route/key-scan.js:1', selfMs: 1, share: 0.2 },
  ])
})
