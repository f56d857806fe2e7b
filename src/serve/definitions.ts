/**
 * The catalog as JSON for `GET /v1/definitions`: all that a client may know, and no functions.
 */
import { formatDuration } from '../base/duration.ts'
import type { Catalog, Metadata, View } from '../model/catalog.ts'

/** Plain data, in the order of the definitions. */
export function definitionsJson(catalog: Catalog): object {
  return {
    entities: catalog.entities.map(({ name, joinKeys, ...rest }) => ({
      name,
      ...metadata(rest),
      joinKeys,
    })),
    sources: catalog.sources.map((source) => ({
      name: source.name,
      ...metadata(source),
      timestampField: source.timestampField,
      fields: source.fields,
      identity: source.identity,
    })),
    views: catalog.views.map((view) => viewJson(catalog, view)),
    services: catalog.services.map((service) => ({
      name: service.name,
      ...metadata(service),
      joinKeys: service.joinKeys,
      features: service.features.map(({ name, view, feature }) => ({
        name,
        type: catalog.views[view]!.features[feature]!.type,
      })),
    })),
  }
}

function viewJson(catalog: Catalog, view: View): object {
  return {
    name: view.name,
    ...metadata(view),
    source: catalog.sources[view.source]!.name,
    entities: view.entities,
    joinKeys: view.joinKeys,
    online: view.online,
    transform: view.transform !== null,
    mode: view.mode,
    ...(view.mode === 'interval' ? { interval: formatDuration(view.intervalMs) } : {}),
    leadingEdge: view.leadingEdge,
    features: view.features.map((feature) => ({
      name: feature.name,
      ...metadata(feature),
      column: feature.column,
      function: feature.fn,
      window: formatDuration(feature.windowMs),
      type: feature.type,
    })),
    identity: view.identity,
  }
}

function metadata({ description, owner, tags }: Metadata): Metadata {
  return {
    ...(description === undefined ? {} : { description }),
    ...(owner === undefined ? {} : { owner }),
    ...(tags === undefined ? {} : { tags }),
  }
}
