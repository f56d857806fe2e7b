/**
 * Finds the definitions among a module's exports, and those that they refer to.
 */
import type { Entity } from './entity.ts'
import type { FeatureService } from './service.ts'
import { selectionOf } from './resolve-service.ts'
import type { PushSource } from './source.ts'
import type { StreamFeatureView } from './view.ts'

/** Every definition once, by kind. */
export interface Definitions {
  readonly entities: readonly Entity[]
  readonly sources: readonly PushSource[]
  readonly views: readonly StreamFeatureView[]
  readonly services: readonly FeatureService[]
}

/** Collects from values and lists of values; two objects with one name are both collected. */
export function collect(values: readonly unknown[]): Definitions {
  const entities = new Set<Entity>()
  const sources = new Set<PushSource>()
  const views = new Set<StreamFeatureView>()
  const services = new Set<FeatureService>()

  function visit(value: unknown): void {
    if (Array.isArray(value)) return value.forEach(visit)
    const definition = value as Entity | PushSource | StreamFeatureView | FeatureService | null
    switch (definition?.kind) {
      case 'millrace.entity':
        entities.add(definition)
        return
      case 'millrace.pushSource':
        sources.add(definition)
        return
      case 'millrace.streamFeatureView':
        views.add(definition)
        visit(definition.source)
        visit(definition.entities)
        return
      case 'millrace.featureService':
        services.add(definition)
        if (Array.isArray(definition.features)) {
          for (const part of definition.features) visit(selectionOf(part)?.view)
        }
        return
      case undefined:
    }
  }

  visit(values)
  return {
    entities: [...entities],
    sources: [...sources],
    views: [...views],
    services: [...services],
  }
}
