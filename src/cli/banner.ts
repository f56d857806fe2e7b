/**
 * What `millrace serve` says when it is up: where it is, what it takes, what it answers, and
 * a line to try.
 */
import { alignColumns } from './table.ts'

/** The body of `GET /v1/definitions`, as far as it is printed. */
export interface Definitions {
  readonly sources: readonly { readonly name: string; readonly fields: readonly unknown[] }[]
  readonly views: readonly { readonly name: string; readonly online: boolean }[]
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
    ...readable.slice(0, 1).flatMap((first) => ['', `  ${curlLine(url, first)}`]),
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

function curlLine(url: string, { name, joinKeys }: Readable): string {
  const query = joinKeys.map((key) => `${encodeURIComponent(key.name)}=...`).join('&')
  return `curl '${url}/v1/features/${encodeURIComponent(name)}?${query}'`
}
