/**
 * The definitions of a start: from a file, or handed over by the embedding program.
 */
import { fileURLToPath } from 'node:url'
import { MillraceError } from '../base/errors.ts'
import { buildCatalog } from '../define/catalog.ts'
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
    const withPostProcessor = catalog.sources.find(({ input }) => input !== undefined)
    if (withPostProcessor !== undefined) {
      throw new MillraceError('DEFINITION_INVALID', {
        path: withPostProcessor.name,
        reason: 'a source with a postProcessor must be started from a file',
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

/** The definitions without their methods, which cannot be sent to another thread. */
function plainDefinitions(definitions: readonly unknown[]): readonly unknown[] {
  // Who is named twice is copied once: two entities of one name would be refused.
  const copies = new Map<object, unknown>()
  return definitions.map((definition) => withoutFunctions(definition, copies))
}

function withoutFunctions(value: unknown, copies: Map<object, unknown>): unknown {
  if (typeof value === 'function') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (copies.has(value)) return copies.get(value)
  const copy = Array.isArray(value)
    ? value.map((part) => withoutFunctions(part, copies))
    : Object.fromEntries(
        Object.entries(value).map(([name, part]) => [name, withoutFunctions(part, copies)]),
      )
  copies.set(value, copy)
  return copy
}
