/**
 * Sums over shards and views. What is summed for every few events is a function of a module: one
 * that is written in its place is a new object each time.
 */
export function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  let sum = 0
  for (const item of items) sum += of(item)
  return sum
}
