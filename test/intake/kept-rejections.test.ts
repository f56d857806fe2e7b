import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rejectionsKeptMax, rejectionsKeptTotalMax } from '../../src/base/limits.ts'
import { KeptRejections, type Share } from '../../src/intake/kept-rejections.ts'
import type { SequencedRejection } from '../../src/model/contracts.ts'

/** Rejections of the sequences from `first` on. */
function rejections(first: number, count: number): SequencedRejection[] {
  return Array.from({ length: count }, (_, index) => ({
    index,
    code: 'EVENT_DECODE' as const,
    path: '',
    message: '',
    sequence: first + index,
  }))
}

/** First and last sequence that is kept, and how many there are. */
function spanOf(share: Share): readonly [first: number, last: number, count: number] | null {
  const kept = share.between(0, Infinity).map(({ sequence }) => sequence)
  return kept.length === 0 ? null : [kept[0]!, kept.at(-1)!, kept.length]
}

test('of one producer exactly the newest are kept, however they come', () => {
  const share = new KeptRejections().share()
  share.add(rejections(0, rejectionsKeptMax))
  assert.deepEqual(spanOf(share), [0, rejectionsKeptMax - 1, rejectionsKeptMax])
  share.add(rejections(rejectionsKeptMax, 1))
  assert.deepEqual(spanOf(share), [1, rejectionsKeptMax, rejectionsKeptMax])
  share.add(rejections(50_000, 3 * rejectionsKeptMax))
  assert.deepEqual(spanOf(share), [70_000, 79_999, rejectionsKeptMax])
  assert.deepEqual(
    share.between(79_998, 90_000).map(({ sequence }) => sequence),
    [79_998, 79_999],
  )
})

test('of all producers the oldest are forgotten, one by one', () => {
  const kept = new KeptRejections()
  const shares = Array.from({ length: 11 }, () => kept.share())
  for (const share of shares) share.add(rejections(0, 5000))
  for (const share of shares) share.add(rejections(5000, 5000))
  assert.equal(kept.count, rejectionsKeptTotalMax)
  // 110,000 came: the first 10,000 are the first halves of the first two.
  assert.deepEqual(
    shares.map(spanOf),
    shares.map((_, n) => (n < 2 ? [5000, 9999, 5000] : [0, 9999, 10_000])),
  )
  shares[0]!.add(rejections(10_000, 1))
  assert.deepEqual(spanOf(shares[2]!), [1, 9999, 9999])
  assert.equal(kept.count, rejectionsKeptTotalMax)
})

test('a producer of which everything is rejected pushes out only its own', () => {
  const kept = new KeptRejections()
  const [quiet, loud] = [kept.share(), kept.share()]
  quiet.add(rejections(7, 1))
  for (let n = 0; n < 15; n++) loud.add(rejections(n * 10_000, 10_000))
  assert.deepEqual(spanOf(quiet), [7, 7, 1])
  assert.equal(kept.count, rejectionsKeptMax + 1)
})

test('what is cleared leaves the chain whole', () => {
  const kept = new KeptRejections()
  const shares = [kept.share(), kept.share(), kept.share()] as const
  for (let n = 0; n < 4; n++) for (const share of shares) share.add(rejections(n, 1))
  shares[1].clear()
  assert.equal(kept.count, 8)
  shares[2].clear()
  shares[0].clear()
  assert.equal(kept.count, 0)
  shares[1].add(rejections(9, 2))
  assert.deepEqual([spanOf(shares[0]), spanOf(shares[1])], [null, [9, 10, 2]])
})
