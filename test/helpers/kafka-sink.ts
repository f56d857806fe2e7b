/**
 * A Kafka sink as the hosted platform's works, written from what is known of its behaviour alone:
 * the bodies that it sends, what it takes for success, and what it cannot read.
 */
import assert from 'node:assert/strict'

/** How often a request is sent again, whatever its status says. */
const retriesMax = 3

/** A value of a record: anything else it cannot send. */
export type SinkValue =
  string | number | boolean | null | readonly SinkValue[] | { readonly [name: string]: SinkValue }

export interface SinkOptions {
  readonly endpoint: string
  readonly workspace: string
  readonly isDryRun: boolean
  readonly token: string
}

/** What it knows of an answer that says that all is well. */
export interface SinkMetrics {
  readonly workspaceName: string | null
  /** Counts as text, by name of the feature view. */
  readonly online: ReadonlyMap<string, string | null>
}

export class KafkaSink {
  readonly #options: SinkOptions
  /** Requests that were sent. */
  attempts = 0

  constructor(options: SinkOptions) {
    this.#options = options
  }

  /** Sends records, and again while it is refused; null: they are given up, and only logged. */
  async put(
    source: string,
    records: readonly Readonly<Record<string, SinkValue>>[],
  ): Promise<SinkMetrics | null> {
    const { endpoint, workspace, isDryRun, token } = this.#options
    const wrapped = { [source]: records.map((record) => ({ record })) }
    const body = { workspace_name: workspace, dry_run: isDryRun, records: wrapped }
    for (let attempt = 0; attempt <= retriesMax; attempt++) {
      this.attempts += 1
      const response = await fetch(`${endpoint}/ingest`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Tecton-key ${token}` },
        body: JSON.stringify(body, null, 2),
      })
      const text = await response.text()
      if (response.ok) return metricsIn(text)
    }
    return null
  }
}

/** Reads a success as its classes are declared: unknown members are passed over, types are not. */
function metricsIn(text: string): SinkMetrics {
  const body = objectOf(JSON.parse(text))
  const metrics = objectOf(body['ingestMetrics'] ?? {})
  const online = new Map<string, string | null>()
  for (const each of listOf(metrics['featureViewIngestMetrics'] ?? [])) {
    const view = objectOf(each)
    textOf(view['featureViewId'])
    textOf(view['offlineRecordIngestCount'])
    online.set(textOf(view['featureViewName']) ?? '', textOf(view['onlineRecordIngestCount']))
  }
  for (const each of listOf(metrics['dataSourceIngestMetrics'] ?? [])) {
    const source = objectOf(each)
    for (const name of ['dataSourceName', 'offlineRecordIngestCount', 'dataSourceId']) {
      textOf(source[name])
    }
  }
  return { workspaceName: textOf(body['workspaceName']), online }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), 'an object')
  return value as Readonly<Record<string, unknown>>
}

function listOf(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value), 'a list')
  return value
}

function textOf(value: unknown): string | null {
  if (value === undefined || value === null) return null
  assert.equal(typeof value, 'string')
  return value as string
}
