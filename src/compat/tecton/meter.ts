/**
 * The numbers of the platform's Metrics API, of the requests that come in its dialect: under its
 * names, in the text of OpenMetrics.
 *
 * Its labels for a region and a workspace are left out: a daemon is one of each. What it tells of
 * machines that are not here, such as caches and autoscalers, has no metric.
 */
import { performance } from 'node:perf_hooks'
import type { Clock } from '../../base/clock.ts'
import { RecentCounts, RecentTimes } from './recent.ts'

export interface MeterOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Ids of feature services and of feature views, by name. */
  readonly services: ReadonlyMap<string, string>
  readonly views: ReadonlyMap<string, string>
}

/** A number with its labels. */
interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  /** Behind the name of the metric. */
  readonly suffix?: '_sum' | '_count'
  readonly value: number
}

const quantiles = [0.5, 0.9, 0.95, 0.99]

export class PlatformMeter {
  readonly #options: MeterOptions
  readonly #served = new RecentTimes()
  /** By name, of those that were asked for. */
  readonly #services = new Map<string, RecentTimes>()
  /** By status, of those that were no success. */
  readonly #failed = new Map<number, RecentCounts>()
  readonly #ingested = new RecentTimes()
  readonly #refused = { '4xx': new RecentCounts(), '5xx': new RecentCounts() }
  /** By name of the view. */
  readonly #rows = new Map<string, RecentCounts>()
  #before = performance.eventLoopUtilization()

  constructor(options: MeterOptions) {
    this.#options = options
  }

  /**
   * A request for features was answered.
   *
   * @param service  Null where nobody knows which one is meant.
   */
  served(service: string | null, status: number, ms: number): void {
    const nowMs = this.#nowMs()
    this.#served.add(nowMs, ms)
    if (status >= 400) entryOf(this.#failed, status, () => new RecentCounts()).add(nowMs)
    if (service !== null) {
      entryOf(this.#services, service, () => new RecentTimes()).add(nowMs, ms)
    }
  }

  /** A request with records was answered. */
  ingested(status: number, ms: number): void {
    const nowMs = this.#nowMs()
    this.#ingested.add(nowMs, ms)
    if (status >= 400) this.#refused[status < 500 ? '4xx' : '5xx'].add(nowMs)
  }

  /** @param rows  By name of the view; a request that is sent again tells them again. */
  wrote(rows: ReadonlyMap<string, number>): void {
    const nowMs = this.#nowMs()
    for (const [view, count] of rows) {
      entryOf(this.#rows, view, () => new RecentCounts()).add(nowMs, count)
    }
  }

  text(): string {
    const nowMs = this.#nowMs()
    return [...this.#serving(nowMs), ...this.#ingest(nowMs), '# EOF\n'].join('')
  }

  #serving(nowMs: number): readonly string[] {
    const services = [...this.#services].map(([name, times]) => {
      const id = this.#options.services.get(name)!
      return { labels: { feature_service_id: id, feature_service_name: name }, times }
    })
    const all = this.#served.perSecond(nowMs)
    const shares = [...this.#failed].map(([status, failed]) => {
      const share = all === 0 ? 0 : failed.perSecond(nowMs) / all
      return { labels: { status: String(status) }, value: share * 100 }
    })
    const rate = 'Requests for features a second, in the last five minutes'
    const latency = 'Seconds that requests for features took, in the last five minutes'
    return [
      metric('feature_service_requests_total_rate', 'gauge', rate, [{ value: all }]),
      metric(
        'feature_service_requests_rate',
        'gauge',
        `${rate}, by service`,
        services.map(({ labels, times }) => ({ labels, value: times.perSecond(nowMs) })),
      ),
      metric('feature_service_total_latency', 'summary', latency, summary(this.#served, nowMs)),
      metric(
        'feature_service_latency',
        'summary',
        `${latency}, by service`,
        services.flatMap(({ labels, times }) => summary(times, nowMs, labels)),
      ),
      metric(
        'feature_server_errors_rate',
        'gauge',
        'Percent of those requests that were refused, by status',
        shares,
      ),
      metric(
        'feature_server_utilization',
        'gauge',
        'Percent of the time since this was last asked for in which the main thread was busy',
        [{ value: this.#utilization() * 100 }],
      ),
    ]
  }

  #ingest(nowMs: number): readonly string[] {
    const rows = [...this.#rows].map(([name, counts]) => {
      const id = this.#options.views.get(name)!
      const labels = { feature_view_name: name, feature_view_id: id }
      return { labels, value: counts.perSecond(nowMs) }
    })
    const errors = Object.entries(this.#refused).map(([error_code, counts]) => {
      return { labels: { error_code }, value: counts.perSecond(nowMs) }
    })
    const name = (rest: string): string => `stream_ingestapi_${rest}`
    const last = 'in the last five minutes'
    return [
      metric(name('request_rate'), 'gauge', `Ingest requests a second, ${last}`, [
        { value: this.#ingested.perSecond(nowMs) },
      ]),
      metric(
        name('request_processing_latency'),
        'summary',
        `Seconds that ingest requests took, ${last}`,
        summary(this.#ingested, nowMs),
      ),
      metric(
        name('request_processing_error_rate'),
        'gauge',
        `Ingest requests a second that were refused, ${last}`,
        errors,
      ),
      metric(
        name('online_store_write_rate'),
        'gauge',
        `Rows a second that ingest requests have written, ${last}, by feature view`,
        rows,
      ),
    ]
  }

  #utilization(): number {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, this.#before)
    this.#before = now
    return utilization
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs()
  }
}

function summary(times: RecentTimes, nowMs: number, labels: Sample['labels'] = {}): Sample[] {
  const shares = quantiles.map((share) => ({
    labels: { ...labels, quantile: String(share) },
    value: times.quantile(nowMs, share),
  }))
  return [
    ...shares,
    { labels, suffix: '_sum', value: times.seconds },
    { labels, suffix: '_count', value: times.count },
  ]
}

function metric(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(({ labels = {}, suffix = '', value }) => {
    const told = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
    return `${name}${suffix}${told.length === 0 ? '' : `{${told.join(',')}}`} ${value}\n`
  })
  return `# TYPE ${name} ${type}\n# HELP ${name} ${help}.\n${lines.join('')}`
}

function entryOf<K, V>(entries: Map<K, V>, key: K, create: () => V): V {
  let entry = entries.get(key)
  if (entry === undefined) entries.set(key, (entry = create()))
  return entry
}
