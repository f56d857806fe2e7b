/**
 * The naive oracle: feature values straight from the raw events, by brute force.
 *
 * No tiles and no state: every read looks at every event. It shares no code with the engine, which
 * must agree with it for every order and batching of the same events.
 */
import type { Feature, View } from '../../src/model/catalog.ts'
import type { Field, Value } from '../../src/model/types.ts'

export interface OracleEvent {
  /** Any text that names the entity. */
  readonly key: string
  readonly timeNs: bigint
  /** Column → converted value; null or absent does not count. */
  readonly row: Readonly<Record<string, Value>>
}

/** What the oracle needs of a view; a view of the catalog is one. */
export interface OracleView extends Pick<View, 'mode' | 'intervalMs'> {
  readonly columns: readonly Field[]
  readonly features: readonly Pick<Feature, 'column' | 'fn' | 'windowMs'>[]
}

/**
 * The values of a view's features for one entity, in the order of the features: null where no
 * event is in the window, or no value but null; a count of only nulls is 0. Undefined is a value
 * beyond the range of its type.
 *
 * @param events  In the order of arrival, which decides `last` among equal event times.
 * @param edgeNs  The end of the windows, ns since the epoch.
 * @param tileWidthMs  Width of the tiles of a sawtooth window, ms.
 */
export function oracle(
  events: readonly OracleEvent[],
  view: OracleView,
  key: string,
  edgeNs: bigint,
  tileWidthMs: (windowMs: number) => number,
): (Value | undefined)[] {
  const own = events.filter((event) => event.key === key)
  return view.features.map(({ column, fn, windowMs }) => {
    const interval = view.mode === 'interval'
    const widthNs = nsOf(interval ? view.intervalMs : tileWidthMs(windowMs))
    const end = interval ? floorTo(edgeNs, widthNs) : edgeNs + 1n
    const start = interval ? end - nsOf(windowMs) : floorTo(edgeNs - nsOf(windowMs), widthNs)
    const inWindow = own.filter(({ timeNs }) => timeNs >= start && timeNs < end)
    if (inWindow.length === 0) return null
    const values = inWindow
      .toSorted((a, b) => compare(a.timeNs, b.timeNs))
      .map(({ row }) => row[column] ?? null)
      .filter((value) => value !== null)
    const { kind } = view.columns.find((field) => field.name === column)!.type
    return aggregate(fn, values, kind.startsWith('Int'))
  })
}

function aggregate(
  fn: Feature['fn'],
  values: readonly Value[],
  integers: boolean,
): Value | undefined {
  if (fn === 'count') return BigInt(values.length)
  if (values.length === 0) return null
  if (fn === 'last') return values.at(-1)!
  if (fn === 'min') return values.toSorted(compare)[0]!
  if (fn === 'max') return values.toSorted(compare).at(-1)!
  const sum = integers ? integerSum(values) : floatSum(values)
  if (typeof sum === 'number' && !Number.isFinite(sum)) return undefined
  if (fn === 'mean') return Number(sum) / values.length
  return typeof sum === 'bigint' && sum !== BigInt.asIntN(64, sum) ? undefined : sum
}

function integerSum(values: readonly Value[]): bigint {
  return values.reduce<bigint>((sum, value) => sum + BigInt(value as bigint | number), 0n)
}

/** The exact sum of doubles, rounded once. Every double is a whole multiple of 2^-1074. */
function floatSum(values: readonly Value[]): number {
  const view = new DataView(new ArrayBuffer(8))
  let sum = 0n
  for (const value of values) {
    view.setFloat64(0, value as number)
    const bits = view.getBigUint64(0)
    const exponent = (bits >> 52n) & 0x7ffn
    const fraction = bits & 0xf_ffff_ffff_ffffn
    const size = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n)
    sum += bits >> 63n === 1n ? -size : size
  }
  const magnitude = sum < 0n ? -sum : sum
  // 64 bits are more than a double keeps; what is cut off only has to break ties.
  const cut = BigInt(Math.max(0, magnitude.toString(2).length - 64))
  const rest = (magnitude >> cut) << cut === magnitude ? 0n : 1n
  const rounded = Number((magnitude >> cut) | rest) * 2 ** (Number(cut) - 1074)
  return sum < 0n ? -rounded : rounded
}

function compare(a: Value, b: Value): number {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
  return a! < b! ? -1 : a! > b! ? 1 : 0
}

const nsOf = (ms: number): bigint => BigInt(ms) * 1_000_000n

const floorTo = (time: bigint, width: bigint): bigint => time - (((time % width) + width) % width)
