/**
 * The definitions of a start: from a file, or handed over by the embedding program.
 */
import { fileURLToPath } from 'node:url'
import { types } from 'node:util'
import { MillraceError } from '../base/errors.ts'
import { buildCatalog } from '../define/catalog.ts'
import { collect } from '../define/collect.ts'
import { compileFeatures, importFeatures } from '../define/load.ts'
import type { Catalog } from '../model/catalog.ts'
import type { FileUrl, MillraceOptions } from './options.ts'

/** The definitions in the forms that the main thread and the shard threads take. */
export interface Loaded {
  readonly catalog: Catalog
  readonly definitionsUrl: string | null
  readonly definitions: readonly unknown[] | null
}

/**
 * @param outDir  Where the compiled module goes.
 * @throws MillraceError `DEFINITION_LOAD`, `DEFINITION_INVALID`
 */
export async function loadDefinitions(
  features: MillraceOptions['features'],
  outDir: string,
): Promise<Loaded> {
  if (typeof features !== 'string' && !isFileUrl(features)) {
    const catalog = buildCatalog(features)
    const withTransform = catalog.views.find((view) => view.transform !== null)
    if (withTransform !== undefined) {
      throw new MillraceError('DEFINITION_INVALID', {
        path: withTransform.name,
        reason: 'a view with a transform must be started from a file',
      })
    }
    const withPostProcessor = catalog.sources.find(
      ({ input, batch }) => input !== undefined || batch?.input !== undefined,
    )
    if (withPostProcessor !== undefined) {
      throw new MillraceError('DEFINITION_INVALID', {
        path: withPostProcessor.name,
        reason: 'a source with a postProcessor must be started from a file',
      })
    }
    const [realtime] = catalog.realtimeViews
    if (realtime !== undefined) {
      throw new MillraceError('DEFINITION_INVALID', {
        path: realtime.name,
        reason: 'a realtime view must be started from a file',
      })
    }
    return { catalog, definitionsUrl: null, definitions: plainDefinitions(features) }
  }
  const file = typeof features === 'string' ? features : fileURLToPath(features.href)
  const definitionsUrl = await compileFeatures(file, outDir)
  const catalog = buildCatalog(await importFeatures(definitionsUrl))
  return { catalog, definitionsUrl, definitions: null }
}

function isFileUrl(features: FileUrl | readonly unknown[]): features is FileUrl {
  return 'href' in features
}

/**
 * The definitions as another thread takes them: without their methods, and without what is no
 * definition.
 *
 * @throws MillraceError `DEFINITION_INVALID` for an object that would be another one there.
 */
function plainDefinitions(values: readonly unknown[]): readonly unknown[] {
  // Who is named twice is copied once: two entities of one name would be refused.
  const copies = new Map<object, unknown>()
  const definitions: readonly { readonly name: string }[] = Object.values(collect(values)).flat()
  return definitions.map((definition) => plainCopy(definition, definition.name, copies))
}

function plainCopy(value: unknown, path: string, copies: Map<object, unknown>): unknown {
  if (typeof value === 'function') return undefined
  // Dates travel as they are.
  if (typeof value !== 'object' || value === null || types.isDate(value)) return value
  if (copies.has(value)) return copies.get(value)
  const copy = copyOfParts(value, path, copies)
  copies.set(value, copy)
  return copy
}

function copyOfParts(value: object, path: string, copies: Map<object, unknown>): object {
  if (Array.isArray(value)) {
    return value.map((part, n) => plainCopy(part, `${path}[${n}]`, copies))
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    const reason = 'an object of a class cannot be sent to another thread; start from a file'
    throw new MillraceError('DEFINITION_INVALID', { path, reason })
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, plainCopy(part, `${path}.${name}`, copies)]),
  )
}
