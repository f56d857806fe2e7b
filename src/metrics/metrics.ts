/**
 * All metrics of a daemon, in the text that Prometheus reads.
 *
 * Thread: main.
 */
import { Registry } from 'prom-client'
import { HttpMeter } from './http-meter.ts'
import { Meters } from './meters.ts'
import { processSights } from './process-sights.ts'
import { addSight, type Sight } from './sights.ts'
import { SourceTallies } from './source-tallies.ts'

export class Metrics {
  readonly #registry = new Registry()
  readonly tallies: SourceTallies
  readonly meters = new Meters(this.#registry)
  readonly http = new HttpMeter(this.#registry)

  /** @param sources  Names of the sources that there are. */
  constructor(sources: readonly string[]) {
    this.tallies = new SourceTallies(sources)
    this.add(processSights)
  }

  add(sights: readonly Sight[]): void {
    for (const sight of sights) addSight(this.#registry, sight)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }
}
