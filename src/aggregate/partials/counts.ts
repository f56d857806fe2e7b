/**
 * A multiset of numbers: each that is there, with how often.
 *
 * One flat array, `[number, count, number, count, …]`, ascending.
 */
import { exactLengthMax } from '../capacity.ts'

/** Numbers at even places, each before its count. */
export type Counts = number[]

/** Where a number is or belongs, at `from` or behind. */
export function placeIn(counts: Counts, number: number, from = 0): number {
  let low = from
  let high = counts.length
  while (low < high) {
    const middle = ((low + high) >>> 2) << 1
    if (counts[middle]! < number) low = middle + 2
    else high = middle
  }
  return low
}

/** Adds a number at its place; returns the array, which is another while it is small. */
export function withCount(counts: Counts, at: number, number: number, count: number): Counts {
  if (counts[at] === number) {
    counts[at + 1]! += count
    return counts
  }
  if (counts.length < exactLengthMax) return counts.toSpliced(at, 0, number, count)
  counts.splice(at, 0, number, count)
  return counts
}

/** The number of rank `rank`, from 1 to the sum of the counts. */
export function ranked(counts: Counts, rank: number): number {
  let at = 0
  for (let left = rank - counts[1]!; left > 0; left -= counts[at + 1]!) at += 2
  return counts[at]!
}
