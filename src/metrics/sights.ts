/**
 * Numbers that somebody else keeps, as metrics: looked at when they are asked for.
 *
 * A row is a metric, its labels, and what is seen now: no number is kept twice, so what `/metrics`
 * and `GET /v1/status` say of one thing is one number.
 */
import { Counter, Gauge, type Registry } from 'prom-client'

/** One number with its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

export interface Sight {
  readonly name: string
  readonly help: string
  /** A counter never decreases while the process lives. */
  readonly kind: 'counter' | 'gauge'
  readonly labels: readonly string[]
  /** What is not seen is no sample. */
  readonly look: () => readonly Sample[]
}

export function addSight(registry: Registry, { name, help, kind, labels, look }: Sight): void {
  const registers = [registry]
  const labelNames = [...labels]
  if (kind === 'counter') {
    const counter = new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        counter.reset()
        for (const sample of look()) counter.inc(sample.labels, sample.value)
      },
    })
  } else {
    const gauge = new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        gauge.reset()
        // Without labels it would be 0, and not nothing.
        if (labels.length === 0) gauge.remove()
        for (const sample of look()) gauge.set(sample.labels, sample.value)
      },
    })
  }
}
