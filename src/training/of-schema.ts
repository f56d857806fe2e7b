/**
 * A catalog whose sources take events of their schemas, which is what batch sources have; what
 * producers push may be something else.
 */
import type { Catalog, Source } from '../model/catalog.ts'

export function ofSchema(catalog: Catalog): Catalog {
  return { ...catalog, sources: catalog.sources.map(withoutInput) }
}

function withoutInput(source: Source): Source {
  const { input: _, ...rest } = source
  return rest
}
