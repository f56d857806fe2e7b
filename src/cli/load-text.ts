/**
 * What `millrace load` says: a line once a second, and a report for people or as JSON.
 */
import {
  figuresOf,
  type GeneratorFigures,
  type LatencyFigures,
  type LoadOutcome,
  type Progress,
} from '../load/outcome.ts'
import type { LoadPlan, StartedLoad } from './load-plan.ts'
import { alignColumns } from './table.ts'

/** What of a load the report names. */
type About = Pick<StartedLoad, 'source' | 'eventBytes'>

export function progressLine(progress: Progress): string {
  const { phase, elapsedMs, events, spanMs, latencyUs, rejected, overdue } = progress
  const rate = spanMs === 0 ? 0 : (events / spanMs) * 1000
  const ms = (us: number): string => (us / 1000).toFixed(1)
  const [p50, p99] = [latencyUs.percentile(50), latencyUs.percentile(99)]
  const latency =
    latencyUs.count === 0 ? 'no ACK' : `p50 ${ms(p50)}  p99 ${ms(p99)}  max ${ms(latencyUs.max)} ms`
  return [
    `${(elapsedMs / 1000).toFixed(0)}s`.padStart(4),
    { warmup: 'warm-up ', measured: 'measured', over: 'ending  ' }[phase],
    `${grouped(rate)} events/s`.padStart(20),
    latency,
    ...(rejected > 0 ? [`${grouped(rejected)} rejected`] : []),
    ...(overdue > 0 ? [`${grouped(overdue)} overdue`] : []),
  ].join('  ')
}

/** Names end in their unit; a share is of 1. */
export function reportJson(plan: LoadPlan, { source, eventBytes }: About, outcome: LoadOutcome) {
  const { sent, repeated, acked, unsent, duplicates, rejected, rejections, measured } = outcome
  const { seconds, events, ...figures } = figuresOf(measured)
  return {
    config: {
      url: plan.url,
      source,
      loop: plan.rate > 0 ? 'open' : 'closed',
      ...(plan.rate > 0 ? { rate: plan.rate } : { inFlight: plan.inFlight }),
      connections: plan.connections,
      frameEvents: plan.frameEvents,
      eventBytes,
      keys: plan.keys,
      skew: skewText(plan.zipf),
      disorder: plan.disorder,
      disorderMs: plan.disorderMs,
      duplicates: plan.duplicates,
      warmupMs: plan.warmupMs,
      durationMs: plan.durationMs,
      events: plan.events,
      fixed: plan.fixed,
      producer: plan.producer,
    },
    seed: plan.seed,
    events: { sent, repeated, acked, rejected, duplicates, unsent },
    rejections: Object.fromEntries(rejections),
    measured: { seconds, events },
    ...figures,
  }
}

export function reportLines(
  plan: LoadPlan,
  { source, eventBytes }: About,
  outcome: LoadOutcome,
): string[] {
  const { sent, repeated, acked, unsent, duplicates, rejected, rejections } = outcome
  const figures = figuresOf(outcome.measured)
  const { seconds, events, eventsPerSecond, latencyMs, generator } = figures
  const isOpen = plan.rate > 0
  const loop = isOpen
    ? `open loop, ${grouped(plan.rate)} events/s`
    : `closed loop, ${grouped(plan.inFlight)} events in flight`
  const share = (of: number): string => `${(of * 100).toFixed(1)} %`
  const rows = [
    ['load', `${loop}, ${plan.connections} connections, frames of ${grouped(plan.frameEvents)}`],
    [
      '',
      `${source}: ${eventBytes.toFixed(0)} bytes an event, ${grouped(plan.keys)} keys ` +
        `(${skewText(plan.zipf)}), seed ${plan.seed}`,
    ],
    [
      'rate',
      `${grouped(eventsPerSecond)} events/s (${grouped(events)} in ${seconds.toFixed(1)} s)`,
    ],
    ['latency', latencyText(latencyMs)],
    ['', `from when a frame was ${isOpen ? 'due' : 'sent'} to its ACK`],
    [
      'events',
      `${grouped(sent)} sent, ${grouped(acked)} acknowledged, ${grouped(rejected)} rejected`,
    ],
    ...[...rejections].map(([code, count]) => ['', `${grouped(count)} ${code}`]),
    ...(repeated + duplicates === 0
      ? []
      : [['', `${grouped(repeated)} sent twice; ${grouped(duplicates)} not counted again`]]),
    ...(unsent === 0 ? [] : [['', `${grouped(unsent)} were due and never sent`]]),
    [
      'generator',
      `${share(generator.cpuShare)} of a core, busy ${share(generator.busyShare)} of the time, ` +
        `${share(generator.lateShare)} of the frames late`,
    ],
  ]
  return [...alignColumns(rows), ...bottleneckLines(generator)]
}

function latencyText(latencies: LatencyFigures | null): string {
  if (latencies === null) return 'of no frame: the time was too short'
  const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 1)
  const { p50, p99, p999, max } = latencies
  return `p50 ${ms(p50)}  p99 ${ms(p99)}  p99.9 ${ms(p999)}  max ${ms(max)} ms`
}

function bottleneckLines({ isBottleneck }: GeneratorFigures): string[] {
  if (!isBottleneck) return []
  return ['The generator may itself have been the bottleneck: the server may be faster than this.']
}

function skewText(zipf: number): string {
  return zipf === 0 ? 'uniform' : `zipf:${zipf}`
}

/** Digits in groups of three. */
function grouped(number: number): string {
  return String(Math.round(number)).replaceAll(/(?<=\d)(?=(\d{3})+$)/g, ' ')
}
