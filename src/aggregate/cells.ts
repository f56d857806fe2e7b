/**
 * Memory for partial aggregates: cells of eight bytes, seen as a double or as two integers.
 *
 * A partial owns a fixed number of neighbouring cells. A whole number lives in one cell as two
 * 32-bit halves, so that 64 bits are exact without a `bigint`; everything else is a double. Growing
 * replaces the views: never keep one over a call that may add rows.
 */
export class Cells {
  /** A cell as a double. */
  f64: Float64Array
  /** Cell `c` as an integer: `low[2c]` and `high[2c + 1]`, value = high · 2³² + low. */
  low: Uint32Array
  high: Int32Array

  constructor(count: number) {
    const buffer = new ArrayBuffer(count * 8)
    this.f64 = new Float64Array(buffer)
    this.low = new Uint32Array(buffer)
    this.high = new Int32Array(buffer)
  }

  /** Makes room for `count` cells; what was there stays, the rest is 0. */
  grow(count: number): void {
    const old = this.low
    const buffer = new ArrayBuffer(count * 8)
    this.f64 = new Float64Array(buffer)
    this.low = new Uint32Array(buffer)
    this.high = new Int32Array(buffer)
    // Copied as integers: a double copy may rewrite the bits of an integer that looks like a NaN.
    this.low.set(old)
  }
}
