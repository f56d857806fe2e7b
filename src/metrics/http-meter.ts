/**
 * Requests of each route: how many with which status, and how long they took.
 *
 * A route is the path as it was added, not as it was asked for, so there are no more of them than
 * the application has. What no route was found for counts as one.
 */
import { Counter, Histogram, type Registry } from 'prom-client'

export class HttpMeter {
  readonly #requests: Counter<'route' | 'status'>
  readonly #seconds: Histogram<'route'>

  constructor(registry: Registry) {
    const registers = [registry]
    this.#requests = new Counter({
      name: 'millrace_http_requests_total',
      help: 'Requests over HTTP that were answered, by route and status.',
      labelNames: ['route', 'status'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'millrace_http_request_seconds',
      help: 'From the headers of a request until its answer is sent.',
      labelNames: ['route'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    })
  }

  /** @param route  Undefined where none was found. */
  answered(route: string | undefined, status: number, ms: number): void {
    const label = route ?? '(unknown)'
    this.#requests.inc({ route: label, status })
    this.#seconds.observe({ route: label }, ms / 1000)
  }
}
