/**
 * The value at a rank: of n values in order, the one whose rank is n · percentile, rounded up.
 *
 * Up to `precision` distinct values are kept with their counts, and the answer is exact. Then every
 * value is counted in a bucket (`buckets.ts`), and the answer is the middle of the bucket in which
 * the rank falls, never beyond the smallest and the largest value, which are exact: off by
 * 1 / precision of the value at that rank at most, on any data. Both are made of the values alone,
 * in whatever order they come. Whole numbers beyond 2⁵³ count as the doubles nearest to them.
 *
 * Algebra: identity "none", merge adds the counts; commutative, a monoid. 8 bytes, and in the pool
 * 64 and 16 for each distinct value; then 120 and 16 for each bucket that is not empty. A power of
 * two has 2^(⌈log2 precision⌉ − 1) buckets: 64 for a precision of 100, 1300 in six decimal places.
 */
import type { Column, ColumnKind } from '../../model/rows.ts'
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'
import type { ValuePool } from '../value-pool.ts'
import { bucketMiddle, bucketOf } from './buckets.ts'
import { placeIn, ranked, withCount, type Counts } from './counts.ts'
import { pooledPartial, stateBytes, type StateAlgebra } from './pooled-state.ts'

/** Counts of buckets, and the ends of what was counted. */
interface Histogram {
  buckets: Counts
  min: number
  max: number
}

/** Counts of values, as long as they are few. */
type Sketch = Counts | Histogram

const histogramBytes = 56

/** @param precision  Distinct values that are kept, and 1 / the error beyond; 20 … 500. */
export function quantiles(precision: number, kind: ColumnKind): Partial {
  const algebra = sketchAlgebra(precision)
  const read = kind === 'int' ? readInt : readFloat
  return pooledPartial(algebra, ({ f64 }, at, rows, column, pool) => {
    const { from, to, cellOf } = rows
    const { isNull } = column
    for (let i = from; i < to; i++) {
      if (isNull[i] === 1 || cellOf[i] === 0) continue
      const cell = cellOf[i]! + at
      const place = f64[cell]!
      const value = read(column, i)
      if (place === 0) {
        f64[cell] = pool.hold([value, 1], countsBytes(2))
        continue
      }
      const sketch = pool.state(place) as Sketch
      const bytes = algebra.bytesOf(sketch)
      const grown = add(sketch, precision, value, 1)
      pool.put(place, grown, algebra.bytesOf(grown) - bytes)
    }
  })
}

/**
 * The value at a rank.
 *
 * @param values  How many there are.
 * @param percentile  0 the smallest … 1 the largest.
 */
export function quantile(
  { f64 }: Cells,
  at: number,
  values: number,
  pool: ValuePool,
  { percentile, precision }: { readonly percentile: number; readonly precision: number },
): number {
  const sketch = pool.state(f64[at]!) as Sketch
  // A product that misses a whole number by its own rounding is meant to be that number.
  const rank = Math.max(1, Math.ceil(percentile * values * (1 - 2 ** -51)))
  if (Array.isArray(sketch)) return ranked(sketch, rank)
  const { buckets, min, max } = sketch
  if (rank === 1) return min
  if (rank === values) return max
  const middle = bucketMiddle(ranked(buckets, rank), bitsOf(precision))
  return Math.min(Math.max(middle, min), max)
}

/** Bits of a fraction that number buckets: half the width is 1 / precision of the start at most. */
function bitsOf(precision: number): number {
  return 31 - Math.clz32(precision - 1)
}

function readFloat({ floats }: Column, i: number): number {
  return floats[i]!
}

function readInt({ high, low }: Column, i: number): number {
  return high[i]! * 4294967296 + low[i]!
}

/** Adds a value so many times; returns the sketch, which may be another object. */
function add(sketch: Sketch, precision: number, value: number, count: number): Sketch {
  if (!Array.isArray(sketch)) {
    const bucket = bucketOf(value, bitsOf(precision))
    const at = placeIn(sketch.buckets, bucket)
    sketch.buckets = withCount(sketch.buckets, at, bucket, count)
    if (value < sketch.min) sketch.min = value
    if (value > sketch.max) sketch.max = value
    return sketch
  }
  const at = placeIn(sketch, value)
  if (sketch.length < 2 * precision || sketch[at] === value) {
    return withCount(sketch, at, value, count)
  }
  return add(histogramOf(sketch, precision), precision, value, count)
}

function histogramOf(values: Counts, precision: number): Histogram {
  const bits = bitsOf(precision)
  let buckets: Counts = []
  for (let at = 0; at < values.length; at += 2) {
    const bucket = bucketOf(values[at]!, bits)
    // They ascend: it is the last one, or behind it.
    const last = Math.max(0, buckets.length - 2)
    buckets = withCount(buckets, placeIn(buckets, bucket, last), bucket, values[at + 1]!)
  }
  return { buckets, min: values[0]!, max: values.at(-2)! }
}

function countsBytes(length: number): number {
  return stateBytes + 8 * length
}

function sketchAlgebra(precision: number): StateAlgebra<Sketch> {
  return {
    copy(sketch) {
      return Array.isArray(sketch) ? sketch.slice() : { ...sketch, buckets: sketch.buckets.slice() }
    },
    merge(into, from) {
      if (Array.isArray(from)) {
        let merged = into
        for (let at = 0; at < from.length; at += 2) {
          merged = add(merged, precision, from[at]!, from[at + 1]!)
        }
        return merged
      }
      const merged = Array.isArray(into) ? histogramOf(into, precision) : into
      let place = 0
      for (let at = 0; at < from.buckets.length; at += 2) {
        place = placeIn(merged.buckets, from.buckets[at]!, place)
        merged.buckets = withCount(merged.buckets, place, from.buckets[at]!, from.buckets[at + 1]!)
      }
      merged.min = Math.min(merged.min, from.min)
      merged.max = Math.max(merged.max, from.max)
      return merged
    },
    bytesOf(sketch) {
      return Array.isArray(sketch)
        ? countsBytes(sketch.length)
        : histogramBytes + countsBytes(sketch.buckets.length)
    },
    // Of one part or of three: what tells the two forms apart.
    toStored: (sketch) =>
      Array.isArray(sketch) ? [sketch] : [sketch.buckets, sketch.min, sketch.max],
    fromStored(stored) {
      const [counts, min, max] = stored as [Counts, number?, number?]
      return min === undefined ? counts : { buckets: counts, min, max: max! }
    },
  }
}
