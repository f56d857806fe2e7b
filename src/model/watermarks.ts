/**
 * Watermarks: how far the events of views have come, as `ms, ns` of each view in turn.
 */

/** Watermarks of views that have seen no event. */
export function createWatermarks(views: number): Float64Array {
  const watermarks = new Float64Array(2 * views)
  for (let view = 0; view < views; view++) watermarks[2 * view] = -Infinity
  return watermarks
}

/** Brings a view's watermark to a moment, unless it is there. */
export function advanceWatermark(
  watermarks: Float64Array,
  view: number,
  ms: number,
  ns: number,
): void {
  const at = 2 * view
  const isAhead = ms > watermarks[at]! || (ms === watermarks[at] && ns > watermarks[at + 1]!)
  if (!isAhead) return
  watermarks[at] = ms
  watermarks[at + 1] = ns
}

/** Brings all of them to those of somebody else, unless they are there. */
export function advanceWatermarks(watermarks: Float64Array, others: Float64Array): void {
  for (let at = 0; at < watermarks.length; at += 2) {
    advanceWatermark(watermarks, at / 2, others[at]!, others[at + 1]!)
  }
}
