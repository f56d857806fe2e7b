/**
 * Buckets for doubles whose width is a fixed share of what is in them.
 *
 * Every power of two is cut into 2^bits buckets of equal width: the number of a bucket is the
 * exponent and the first bits of the fraction, as they stand in a double. The middle of a bucket is
 * within 2^−(bits + 1) of everything in it, relative to its size. Numbers ascend with the doubles:
 * 0 has the bucket 0 for itself, negative doubles have negative ones, subnormal doubles go on where
 * normal ones end.
 *
 * @see C. Masson, J. E. Rim and H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch
 * with relative-error guarantees", 2019, which has the idea, with logarithms.
 */
const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)

const normalMin = 2 ** -1022

/** Takes subnormal doubles into the range of normal ones, all of them exactly. */
const lift = 54

/** The bucket of a finite double. */
export function bucketOf(value: number, bits: number): number {
  if (value === 0) return 0
  const magnitude = Math.abs(value)
  const isNormal = magnitude >= normalMin
  double[0] = isNormal ? magnitude : magnitude * 2 ** lift
  const bucket = (words[1]! >>> (20 - bits)) + (isNormal ? lift << bits : 0)
  return value < 0 ? -bucket : bucket
}

/** The double in the middle of a bucket. */
export function bucketMiddle(bucket: number, bits: number): number {
  if (bucket === 0) return 0
  const lifted = Math.abs(bucket)
  const isNormal = lifted >= (lift + 1) << bits
  const high = (isNormal ? lifted - (lift << bits) : lifted) << (20 - bits)
  const scale = isNormal ? 1 : 2 ** -lift
  const start = doubleOf(high)
  const half = doubleOf(high | (1 << (19 - bits))) - start
  // Where a bucket has one double, half its width is nothing.
  const middle = start * scale + half * scale
  return bucket < 0 ? -middle : middle
}

function doubleOf(high: number): number {
  words[0] = 0
  words[1] = high
  return double[0]!
}
