/**
 * The catalog as JSON for `GET /v1/definitions`: all that a client may know, and no functions.
 */
import { formatDuration } from '../base/duration.ts'
import type { Catalog, Dedupe, Feature, Metadata, View } from '../model/catalog.ts'
import { describeFunction, describeWindow } from '../model/describe.ts'
import { readables } from './services.ts'

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
      dedupe: dedupeJson(source.dedupe),
      ...(source.input === undefined ? {} : { inputFields: source.input.fields }),
      identity: source.identity,
    })),
    views: catalog.views.map((view) => viewJson(catalog, view)),
    realtimeViews: catalog.realtimeViews.map((view) => ({
      name: view.name,
      ...metadata(view),
      joinKeys: view.joinKeys,
      requestFields: view.requestFields,
      inputs: view.inputs.map(({ name }) => name),
      features: view.features,
    })),
    services: [...readables(catalog).values()].map((readable, n) => ({
      name: readable.name,
      ...metadata(catalog.services[n]!),
      joinKeys: readable.joinKeys,
      ...(readable.requestFields.length > 0 && { requestFields: readable.requestFields }),
      ...(readable.servingIndex !== null && { servingIndex: readable.servingIndex }),
      features: readable.features.map(({ name, type }) => ({ name, type })),
    })),
  }
}

/** The rule as a features file writes it. */
function dedupeJson(dedupe: Dedupe): object {
  if (dedupe.by !== 'event-id') return dedupe
  return { by: dedupe.by, field: dedupe.field.name, horizon: formatDuration(dedupe.horizonMs) }
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
    ...(view.secondaryKey === null ? {} : { secondaryKey: view.secondaryKey }),
    mode: view.mode,
    ...(view.mode === 'interval' ? { interval: formatDuration(view.intervalMs) } : {}),
    leadingEdge: view.leadingEdge,
    ...(view.servingIndex === null ? {} : { servingIndex: view.servingIndex }),
    ...(Number.isFinite(view.ttlMs) ? { ttl: formatDuration(view.ttlMs) } : {}),
    features: view.features.map((feature) => ({
      name: feature.name,
      ...metadata(feature),
      column: feature.column,
      ...featureJson(feature),
      type: feature.type,
    })),
    identity: view.identity,
  }
}

/** What a feature is of its column. */
function featureJson(feature: Feature): object {
  switch (feature.kind) {
    case 'aggregate':
      return { function: describeFunction(feature.fn), window: describeWindow(feature.window) }
    case 'secondary-keys':
      return { secondaryKeys: true, window: describeWindow(feature.window) }
    case 'attribute':
      return { attribute: true }
  }
}

function metadata({ description, owner, tags }: Metadata): Metadata {
  return {
    ...(description === undefined ? {} : { description }),
    ...(owner === undefined ? {} : { owner }),
    ...(tags === undefined ? {} : { tags }),
  }
}
