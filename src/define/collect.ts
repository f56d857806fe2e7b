/**
 * Finds the definitions among a module's exports, and those that they refer to.
 */
import type { Entity } from './entity.ts'
import type { RealtimeFeatureView } from './realtime.ts'
import { selectionOf } from './resolve-parts.ts'
import type { FeatureService } from './service.ts'
import type { PushSource } from './source.ts'
import type { StreamFeatureView } from './view.ts'

/** Every definition once, by kind. */
export interface Definitions {
  readonly entities: readonly Entity[]
  readonly sources: readonly PushSource[]
  readonly views: readonly StreamFeatureView[]
  readonly realtimeViews: readonly RealtimeFeatureView[]
  readonly services: readonly FeatureService[]
}

type Definition = Entity | PushSource | StreamFeatureView | RealtimeFeatureView | FeatureService

/** Collects from values and lists of values; two objects with one name are both collected. */
export function collect(values: readonly unknown[]): Definitions {
  const entities = new Set<Entity>()
  const sources = new Set<PushSource>()
  const views = new Set<StreamFeatureView>()
  const realtimeViews = new Set<RealtimeFeatureView>()
  const services = new Set<FeatureService>()

  function visit(value: unknown): void {
    if (Array.isArray(value)) return value.forEach(visit)
    const definition = value as Definition | null
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
      case 'millrace.realtimeFeatureView':
        realtimeViews.add(definition)
        visitSelected(definition.sources)
        return
      case 'millrace.featureService':
        services.add(definition)
        visitSelected(definition.features)
        return
      case undefined:
    }
  }

  function visitSelected(elements: unknown): void {
    if (!Array.isArray(elements)) return
    for (const element of elements) visit(selectionOf(element)?.view)
  }

  visit(values)
  return {
    entities: [...entities],
    sources: [...sources],
    views: [...views],
    realtimeViews: [...realtimeViews],
    services: [...services],
  }
}
