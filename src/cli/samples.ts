/**
 * Commands to try on a daemon, made from its definitions: push an event, read its features.
 *
 * They are complete: pasted into a shell they work as they stand, now and later, because the shell
 * puts in the time. Only a post-processor may ask for values that these are not.
 */
import { clientOptions } from '../base/config.ts'
import type { DataType, Field } from '../model/types.ts'

/** What is pushed and read; of the body of `GET /v1/definitions`. */
export interface Sampled {
  readonly sources: readonly {
    readonly name: string
    readonly fields: readonly Field[]
    /** What is pushed, if not `fields`. */
    readonly inputFields?: readonly Field[]
  }[]
  readonly views: readonly {
    readonly name: string
    readonly source: string
    readonly joinKeys: readonly Field[]
    readonly online: boolean
  }[]
}

/** Lines for the first view that can be read; none when there is no such view. */
export function sampleLines(url: string, { sources, views }: Sampled): string[] {
  const view = views.find(({ online }) => online)
  const source = sources.find(({ name }) => name === view?.source)
  if (view === undefined || source === undefined) return []
  const { name, joinKeys } = view
  const at = url === clientOptions.url.standard() ? '' : ` --url ${url}`
  const keys = joinKeys.map((key) => `${key.name}=${keyText(key)}`)
  const event = fieldsText(source.inputFields ?? source.fields)
  return [
    `echo '${event}' | npx millrace push ${source.name}${at}`,
    `npx millrace get ${name} ${keys.join(' ')}${at}`,
    `curl '${url}/v1/features/${name}?${keys.join('&')}'`,
  ]
}

/** The value of a join key, as {@link valueText} has it in the event. */
function keyText({ name, type }: Field): string {
  return valueText(name, type).replaceAll('"', '')
}

/** An object of JSON, within single quotes of the shell. */
function fieldsText(fields: readonly Field[]): string {
  return `{${fields.map(({ name, type }) => `"${name}":${valueText(name, type)}`).join(',')}}`
}

function valueText(name: string, type: DataType): string {
  switch (type.kind) {
    case 'Int64':
    case 'Int32':
      return '1'
    case 'Float64':
    case 'Float32':
      return '1.5'
    case 'Bool':
      return 'true'
    case 'String':
      return `"${name.charAt(0)}1"`
    case 'Timestamp':
      // Outside of the quotes: the shell's present time, ms since 1970.
      return `'$(date +%s000)'`
    case 'Array':
      return `[${valueText(name, type.element)}]`
    case 'Struct':
      return fieldsText(type.fields)
    case 'Map':
      return `{"a":${valueText(name, type.value)}}`
  }
}
