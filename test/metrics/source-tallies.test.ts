import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SourceTallies } from '../../src/metrics/source-tallies.ts'

test('each event of a batch is counted once: as accepted or by its code', () => {
  const tallies = new SourceTallies(['clicks'])
  const verdicts = [
    { code: 'EVENT_TOO_LATE', isAccepted: true },
    { code: 'EVENT_TOO_LATE', isAccepted: false },
    { code: 'EVENT_FIELD_TYPE', isAccepted: false },
    { code: 'EVENT_FIELD_TYPE', isAccepted: false },
  ]
  const facts = { sourceName: 'clicks', bytes: 400 }
  tallies.decided({ count: 10, duplicates: 2, verdicts, facts })
  tallies.decided({ count: 1, duplicates: 0, verdicts: [], facts })
  tallies.repeated('clicks', 3)
  assert.deepEqual(tallies.all.get('clicks'), {
    batches: 2,
    bytes: 800,
    accepted: 8,
    duplicates: 2,
    partlyLate: 1,
    repeated: 3,
    rejected: { EVENT_TOO_LATE: 1, EVENT_FIELD_TYPE: 2 },
  })
})

test('sources that there are not share one tally, whatever they are called', () => {
  const tallies = new SourceTallies(['clicks'])
  for (let i = 0; i < 100; i++) {
    const verdicts = [{ code: 'SOURCE_UNKNOWN', isAccepted: false }]
    tallies.decided({ count: 1, duplicates: 0, verdicts, facts: { sourceName: `s${i}`, bytes: 1 } })
  }
  assert.deepEqual([...tallies.all.keys()], ['clicks', '(unknown)'])
  assert.deepEqual(tallies.all.get('(unknown)')?.rejected, { SOURCE_UNKNOWN: 100 })
})
