/**
 * The numbers of the platform's Metrics API, of the requests that come in its dialect: under its
 * names, in the text of OpenMetrics.
 *
 * Its label for a region is left out, and a workspace is what requests call it. What it tells of
 * machines that are not here, such as caches and autoscalers, has no metric.
 */
import { performance } from 'node:perf_hooks'
import type { Clock } from '../../base/clock.ts'
import type { Ingested } from '../all-or-none.ts'
import { entryOf, RecentCounts, RecentTimes } from './recent.ts'
import { WrittenRows } from './written-rows.ts'

export interface MeterOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Ids of feature services, of feature views, and of sources with an offline log, by name. */
  readonly services: ReadonlyMap<string, string>
  readonly views: ReadonlyMap<string, string>
  readonly logged: ReadonlyMap<string, string>
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
  readonly #reads = new Map<string, RecentTimes>()
  readonly #online = new WrittenRows()
  readonly #offline = new WrittenRows()
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

  /** Views were read together, by names, and nothing was computed. */
  readStore(views: readonly string[], ms: number): void {
    const nowMs = this.#nowMs()
    for (const view of views) entryOf(this.#reads, view, () => new RecentTimes()).add(nowMs, ms)
  }

  /** Records were taken; a request that is sent again tells them again. */
  wrote(workspace: string, { rows, accepted }: Pick<Ingested, 'rows' | 'accepted'>): void {
    const nowMs = this.#nowMs()
    for (const [view, count] of rows) this.#online.add(workspace, view, nowMs, count)
    for (const [source, count] of accepted) {
      if (this.#options.logged.has(source)) this.#offline.add(workspace, source, nowMs, count)
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
      ...this.#utilizations(),
      metric(
        'online_store_p99_latency_seconds',
        'gauge',
        'Seconds that 99 of 100 reads of a view took at most, in the last five minutes',
        [...this.#reads].map(([view, times]) => ({
          labels: { feature_view_id: this.#options.views.get(view)! },
          value: times.quantile(nowMs, 0.99),
        })),
      ),
    ]
  }

  /** There is one server: what it is busy is the average and the minimum of all. */
  #utilizations(): readonly string[] {
    const value = this.#utilization() * 100
    const help =
      'Percent of the time since this was last asked for in which the main thread was busy'
    return ['utilization', 'average_utilization', 'minimum_utilization'].map((name) =>
      metric(`feature_server_${name}`, 'gauge', help, [{ value }]),
    )
  }

  #ingest(nowMs: number): readonly string[] {
    const { views, logged } = this.#options
    const online = this.#online.rates(nowMs).map(({ workspace, name, value }) => {
      const id = views.get(name)!
      return { labels: { workspace, feature_view_name: name, feature_view_id: id }, value }
    })
    const offline = this.#offline.rates(nowMs).map(({ workspace, name, value }) => {
      const id = logged.get(name)!
      return { labels: { workspace, data_source_name: name, data_source_id: id }, value }
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
        online,
      ),
      metric(
        name('offline_store_write_rate'),
        'gauge',
        `Records a second that offline logs will have of ingest requests, ${last}, by source`,
        offline,
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
    const told = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
    return `${name}${suffix}${told.length === 0 ? '' : `{${told.join(',')}}`} ${value}\n`
  })
  return `# TYPE ${name} ${type}\n# HELP ${name} ${help}.\n${lines.join('')}`
}

/** @see https://prometheus.io/docs/specs/om/open_metrics_spec/#escaping */
function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
