/**
 * What `millrace serve` says when it is up: where it is, what it takes, what it answers, and
 * lines to try.
 */
import { sampleLines, type Sampled } from './samples.ts'
import { alignColumns } from './table.ts'

/** The body of `GET /v1/definitions`, as far as it is printed. */
export interface Definitions extends Sampled {
  /** Each view is one. */
  readonly services: readonly Readable[]
}

interface Readable {
  readonly name: string
  readonly joinKeys: readonly { readonly name: string }[]
  readonly features: readonly unknown[]
}

export interface Banner {
  readonly url: string
  /** The features file, as it was given. */
  readonly file: string
  readonly dataDir: string
  readonly definitions: Definitions
}

export function bannerText({ url, file, dataDir, definitions }: Banner): string {
  const { sources, views, services } = definitions
  const offline = new Set(views.filter(({ online }) => !online).map(({ name }) => name))
  const readable = services.filter(({ name }) => !offline.has(name))
  const rows = [
    ['url', url],
    ['data', dataDir],
    ...labelled(
      'sources',
      sources.map(({ name, fields }) => `${name} (${fields.length} fields)`),
    ),
    ...labelled('services', readable.map(readableText)),
  ]
  return [
    `Millrace serves ${file}`,
    '',
    ...alignColumns(rows, '  '),
    '',
    ...sampleLines(url, definitions).map((line) => `  ${line}`),
    '',
    '  Ctrl-C drains and ends it; what was acknowledged is kept.',
    '',
  ].join('\n')
}

/** The label stands on the first line only. */
function labelled(label: string, lines: readonly string[]): string[][] {
  return lines.map((line, n) => [n === 0 ? label : '', line])
}

function readableText({ name, joinKeys, features }: Readable): string {
  return `${name} (${features.length} features) by ${joinKeys.map((key) => key.name).join(', ')}`
}
