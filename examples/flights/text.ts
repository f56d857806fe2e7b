/**
 * Numbers as people read them.
 */

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** `1,234,567` */
export function integerText(value: number | bigint): string {
  return grouped.format(value)
}

/** `4.2 ms`, `42 ms` */
export function msText(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`
}

/** `7.3 s`, `1 min 12 s` */
export function durationText(ms: number): string {
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
}

/** `412 MiB` */
export function mibText(bytes: number): string {
  return `${integerText(bytes / 1024 ** 2)} MiB`
}

/** The value that `q` of all values do not exceed; 0 of none. @param q  From 0 to 1. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? 0
}
