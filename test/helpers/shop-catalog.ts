/**
 * A small catalog written by hand: one source, views by user and by user and region, a service
 * over both, and a view that is not online.
 */
import { Type } from 'typebox'
import type { PlainFunction } from '../../src/model/aggregate-function.ts'
import type { Catalog, Feature, Service, View } from '../../src/model/catalog.ts'
import type { DataType, Field } from '../../src/model/types.ts'
import { featureOf } from './engine.ts'

const int64: DataType = { kind: 'Int64', nullable: false }
const text: DataType = { kind: 'String', nullable: false }
const user: Field = { name: 'user_id', type: int64 }
const region: Field = { name: 'region', type: text }
const amount: Field = { name: 'amount', type: { kind: 'Float64', nullable: true } }
const time: Field = { name: 'at', type: { kind: 'Timestamp', nullable: false } }

function feature(name: string, type: DataType, fn: PlainFunction, column: string): Feature {
  return { name, ...featureOf({ column, fn, windowMs: 3_600_000 }), type }
}

function view(index: number, name: string, route: number, joinKeys: readonly Field[]): View {
  return {
    name,
    index,
    source: 0,
    route,
    entities: ['user'],
    joinKeys,
    columns: [amount],
    features: [
      feature('count_1h', { kind: 'Int64', nullable: true }, 'count', 'amount'),
      feature('mean_1h', { kind: 'Float64', nullable: true }, 'mean', 'amount'),
      feature('last_at_1h', { kind: 'Timestamp', nullable: true }, 'last', 'at'),
    ],
    secondaryKey: null,
    lastWriteWins: false,
    mode: 'sawtooth',
    intervalMs: 0,
    ttlMs: Infinity,
    leadingEdge: 'wall-clock',
    servingIndex: null,
    newKeysPerDay: Infinity,
    online: true,
    transform: null,
    rowSchema: null,
    identity: `identity of ${name}`,
  }
}

const views: readonly View[] = [
  view(0, 'by_user', 0, [user]),
  view(1, 'by_region', 1, [user, region]),
  { ...view(2, 'history', 0, [user]), online: false, mode: 'interval', intervalMs: 60_000 },
]

function serviceOf({ name, index, joinKeys, features }: View): Service {
  return {
    name,
    joinKeys,
    requestFields: [],
    servingIndex: null,
    parts: [{ namespace: name, isRealtime: false, view: index, keyPlaces: [...joinKeys.keys()] }],
    features: features.map((each, feature) => ({ name: `${name}.${each.name}`, part: 0, feature })),
  }
}

export const shopCatalog: Catalog = {
  entities: [{ name: 'user', joinKeys: [user] }],
  sources: [
    {
      name: 'purchases',
      description: 'One per purchase.',
      owner: 'shop',
      tags: { tier: 'gold' },
      index: 0,
      fields: [user, region, amount, time],
      timestampField: 'at',
      dedupe: { by: 'sequence' },
      offline: false,
      schema: Type.Object({}),
      identity: 'identity of purchases',
      routes: [0, 1],
    },
  ],
  routes: [
    { index: 0, source: 0, joinKeys: [user], views: [0, 2] },
    { index: 1, source: 0, joinKeys: [user, region], views: [1] },
  ],
  views,
  realtimeViews: [],
  services: [
    ...views.map(serviceOf),
    {
      name: 'ranking',
      joinKeys: [region, user],
      requestFields: [],
      servingIndex: null,
      parts: [
        { namespace: 'by_region', isRealtime: false, view: 1, keyPlaces: [1, 0] },
        { namespace: 'by_user', isRealtime: false, view: 0, keyPlaces: [1] },
      ],
      features: [
        { name: 'by_region.mean_1h', part: 0, feature: 1 },
        { name: 'by_user.last_at_1h', part: 1, feature: 2 },
        { name: 'by_region.count_1h', part: 0, feature: 0 },
      ],
    },
  ],
}
