/**
 * About how many distinct values there are.
 *
 * Up to `exactMax` values: the sorted set of their hashes, and the answer is exact. Then
 * HyperLogLog: of every hash, the first `precision` bits choose one of 2^precision registers, which
 * keeps the longest run of zeros that the rest has begun with; the standard error is
 * 1.04 / √2^precision. Both are made of the set of values and the secret of the store alone, in
 * whatever order they come.
 *
 * Algebra: identity the empty set, merge the union; commutative and idempotent, a monoid. 8 bytes,
 * and in the pool 64 and 8 for each value; then 2^precision, and 200 for their object.
 *
 * @see P. Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation
 * algorithm", 2007; O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches",
 * 2017, algorithm 6 (the estimate without tables).
 */
import type { HashSeed } from '../../base/hash.ts'
import type { Field } from '../../model/types.ts'
import { exactLengthMax } from '../capacity.ts'
import type { Cells } from '../cells.ts'
import type { Partial } from '../partial.ts'
import type { ValuePool } from '../value-pool.ts'
import { pooledPartial, stateBytes, type StateAlgebra } from './pooled-state.ts'
import { hashBits, valueHasher } from './value-hash.ts'

/** Sorted hashes, or registers. */
type Sketch = number[] | Uint8Array

/** What a typed array costs beside its bytes. */
const registersBytes = 200

/** Values that are told apart exactly: as many hashes as the registers have bytes for, or some. */
export function exactMax(precision: number): number {
  return Math.max(64, 2 ** precision / 8)
}

export interface DistinctCountOptions {
  /** log2 of the number of registers, 4 … 16. */
  readonly precision: number
  readonly field: Field
  /** The key of the hashes: who knows it can find values that count as one. */
  readonly seed: HashSeed
}

export function distinctCount({ precision, field, seed }: DistinctCountOptions): Partial {
  const algebra = sketchAlgebra(precision)
  const hash = valueHasher(field, seed)
  return pooledPartial(algebra, ({ f64 }, at, rows, column, pool) => {
    const { from, to, cellOf } = rows
    const { isNull } = column
    for (let i = from; i < to; i++) {
      if (isNull[i] === 1 || cellOf[i] === 0) continue
      const cell = cellOf[i]! + at
      const place = f64[cell]!
      if (place === 0) {
        const sketch = [hash(column, i)]
        f64[cell] = pool.hold(sketch, algebra.bytesOf(sketch))
        continue
      }
      const sketch = pool.state(place) as Sketch
      const { length } = sketch
      const grown = add(sketch, precision, hash(column, i))
      if (grown === sketch && grown.length === length) continue
      pool.put(place, grown, algebra.bytesOf(grown) - hashesBytes(length))
    }
  })
}

/** The number of distinct values: exact while they are few, else the estimate, rounded. */
export function distinctCountValue({ f64 }: Cells, at: number, pool: ValuePool): bigint {
  const sketch = pool.state(f64[at]!) as Sketch
  return BigInt(Array.isArray(sketch) ? sketch.length : Math.round(estimate(sketch)))
}

/** Adds a hash; returns the sketch, which may be another object. */
function add(sketch: Sketch, precision: number, hash: number): Sketch {
  if (!Array.isArray(sketch)) {
    register(sketch, precision, hash)
    return sketch
  }
  let low = 0
  let high = sketch.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sketch[middle]! < hash) low = middle + 1
    else high = middle
  }
  if (sketch[low] === hash) return sketch
  if (sketch.length === exactMax(precision)) {
    return register(dense(sketch, precision), precision, hash)
  }
  if (sketch.length < exactLengthMax) return sketch.toSpliced(low, 0, hash)
  sketch.splice(low, 0, hash)
  return sketch
}

function dense(hashes: readonly number[], precision: number): Uint8Array {
  const registers = new Uint8Array(2 ** precision)
  for (const hash of hashes) register(registers, precision, hash)
  return registers
}

/** Notes the run of zeros behind the first bits of a hash. */
function register(registers: Uint8Array, precision: number, hash: number): Uint8Array {
  const high = Math.floor(hash / 2097152)
  const low = hash - high * 2097152
  const rest = (high << precision) >>> 0
  const restBits = 32 - precision
  const zeros = rest !== 0 ? Math.clz32(rest) : restBits + Math.clz32(low) - (64 - hashBits)
  const at = high >>> restBits
  if (registers[at]! <= zeros) registers[at] = zeros + 1
  return registers
}

/** Ertl's improved raw estimator. */
function estimate(registers: Uint8Array): number {
  const m = registers.length
  const valueMax = hashBits - Math.log2(m) + 1
  const counts = new Float64Array(valueMax + 1)
  for (const value of registers) counts[value]! += 1
  let z = m * tau(1 - counts[valueMax]! / m)
  for (let value = valueMax - 1; value >= 1; value--) z = 0.5 * (z + counts[value]!)
  z += m * sigma(counts[0]! / m)
  return (m * m) / (2 * Math.LN2 * z)
}

/** `x + Σ x^(2^k) · 2^(k−1)`, k = 1, 2, …: of the registers that are 0. */
function sigma(x: number): number {
  if (x === 1) return Infinity
  let power = x
  let weight = 1
  let sum = x
  for (let before = -1; sum !== before; weight += weight) {
    power *= power
    before = sum
    sum += power * weight
  }
  return sum
}

/** `(1 − x − Σ (1 − x^(2^−k))² · 2^−k) / 3`, k = 1, 2, …: of those that are at their end. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0
  let root = x
  let weight = 1
  let sum = 1 - x
  for (let before = -1; sum !== before;) {
    root = Math.sqrt(root)
    before = sum
    weight *= 0.5
    sum -= (1 - root) ** 2 * weight
  }
  return sum / 3
}

function hashesBytes(count: number): number {
  return stateBytes + 8 * count
}

function sketchAlgebra(precision: number): StateAlgebra<Sketch> {
  return {
    copy: (sketch) => sketch.slice(),
    merge(into, from) {
      if (Array.isArray(from)) {
        return from.reduce<Sketch>((sketch, hash) => add(sketch, precision, hash), into)
      }
      const registers = Array.isArray(into) ? dense(into, precision) : into
      for (let at = 0; at < registers.length; at++) {
        if (registers[at]! < from[at]!) registers[at] = from[at]!
      }
      return registers
    },
    bytesOf: (sketch) =>
      Array.isArray(sketch) ? hashesBytes(sketch.length) : registersBytes + sketch.length,
    toStored: (sketch) => sketch,
    // A binary that was decoded is a view of what it was decoded from.
    fromStored: (stored) =>
      Array.isArray(stored) ? (stored as number[]) : new Uint8Array(stored as Uint8Array),
  }
}
