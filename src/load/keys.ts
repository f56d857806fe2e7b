/**
 * Which entity key the i-th event has: uniformly drawn, or by Zipf's law.
 *
 * A uniform draw costs a few ns and is made when its event is sent, so that a run meets as many
 * keys as were asked for. A draw by Zipf's law costs more; some millions are made before the clock
 * starts, and the run walks them over and over.
 */
import { createRandom, randomAt, type Random } from './random.ts'

/** Numbers of keys, below the number of keys. */
export interface KeyDraw {
  /** Of event `i` of the run. */
  at(i: number): number
  /** Of events from `first` on, as many as fit. */
  drawInto(keys: Uint32Array, first: number): void
}

export interface KeyOptions {
  /** Different keys. */
  readonly keys: number
  /** Exponent of Zipf's law: key `k` comes as often as `1 / (k + 1) ** zipf`; 0 is uniform. */
  readonly zipf: number
  readonly seed: number
}

/** Draws that are made beforehand: four for each key, within bounds; a power of two. */
const drawsMin = 2 ** 18
const drawsMax = 2 ** 24

export function createKeyDraw({ keys, zipf, seed }: KeyOptions): KeyDraw {
  if (zipf === 0) {
    const at = (i: number): number => (randomAt(seed, i) * keys) | 0
    return {
      at,
      drawInto(target, first) {
        for (let i = 0; i < target.length; i++) target[i] = at(first + i)
      },
    }
  }
  const count = 2 ** Math.ceil(Math.log2(Math.min(Math.max(4 * keys, drawsMin), drawsMax)))
  const draw = createZipf(keys, zipf, createRandom(seed))
  const draws = Uint32Array.from({ length: count }, draw)
  const mask = count - 1
  return {
    at: (i) => draws[i & mask]!,
    drawInto(target, first) {
      for (let i = 0; i < target.length; i++) target[i] = draws[(first + i) & mask]!
    },
  }
}

/**
 * Draws by Zipf's law, without a table.
 *
 * @see W. Hörmann and G. Derflinger, Rejection-inversion to generate variates from monotone
 * discrete distributions, ACM TOMACS 6(3), 1996, section 4.
 */
function createZipf(keys: number, exponent: number, random: Random): () => number {
  const integral = (x: number): number => {
    const log = Math.log(x)
    return expm1Over((1 - exponent) * log) * log
  }
  const inverse = (x: number): number => Math.exp(log1pOver(Math.max(x * (1 - exponent), -1)) * x)
  const height = (x: number): number => Math.exp(-exponent * Math.log(x))

  const first = integral(1.5) - 1
  const last = integral(keys + 0.5)
  const squeeze = 2 - inverse(integral(2.5) - height(2))
  return () => {
    for (;;) {
      const u = last + random() * (first - last)
      const x = inverse(u)
      const rank = Math.min(Math.max(Math.round(x), 1), keys)
      if (rank - x <= squeeze || u >= integral(rank + 0.5) - height(rank)) return rank - 1
    }
  }
}

/** `(eˣ − 1) / x`, 1 at 0. */
function expm1Over(x: number): number {
  return Math.abs(x) > 1e-8 ? Math.expm1(x) / x : 1 + x / 2
}

/** `log(1 + x) / x`, 1 at 0. */
function log1pOver(x: number): number {
  return Math.abs(x) > 1e-8 ? Math.log1p(x) / x : 1 - x / 2
}
