/**
 * The numbers that the parts of a daemon keep, as `/metrics` tells them.
 *
 * The parts are asked when somebody asks, so one number stands behind this and `GET /v1/status`.
 *
 * Thread: main.
 */
import type { Journal } from '../journal/journal.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Sample, Sight } from '../metrics/sights.ts'
import type { Catalog } from '../model/catalog.ts'
import type { Lane } from '../route/lanes.ts'
import type { Router } from '../route/router.ts'
import type { IngestServer } from '../wire/websocket.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { Intake } from '../intake/intake.ts'
import { pastSights, type PastParts } from './past-numbers.ts'
import type { Watermarks } from './watermarks.ts'

export interface NumberedParts extends PastParts {
  readonly catalog: Catalog
  readonly journal: Journal
  readonly checkpoints: Checkpoints
  readonly router: Router
  readonly lanes: readonly Lane[]
  readonly intake: Intake
  readonly ledger: Ledger
  readonly watermarks: Watermarks
  readonly metrics: Metrics
}

/**
 * Adds what the parts of a daemon know, but for what is measured where it happens.
 *
 * @returns the parts.
 */
export function addNumbers<P extends NumberedParts>(parts: P): P {
  const { metrics, journal } = parts
  journal.onFlushed((_, tookMs) => metrics.meters.flushed(tookMs))
  metrics.add([
    ...sourceSights(parts),
    ...viewSights(parts),
    ...shardSights(parts),
    ...storageSights(parts),
    ...pastSights(parts),
  ])
  return parts
}

function sourceSights({ metrics: { tallies } }: NumberedParts): readonly Sight[] {
  const counted = (
    name: string,
    help: string,
    member: 'accepted' | 'duplicates' | 'partlyLate' | 'repeated' | 'bytes' | 'batches',
  ): Sight => ({
    name: `millrace_${name}_total`,
    help,
    kind: 'counter',
    labels: ['source'],
    look: () =>
      [...tallies.all].map(([source, tally]) => ({
        labels: { source },
        value: tally[member],
      })),
  })
  return [
    counted('events_accepted', 'Events that were taken, duplicates included.', 'accepted'),
    counted('events_duplicate', 'Accepted events that were not counted again.', 'duplicates'),
    counted('events_partly_late', 'Accepted events that some views did not count.', 'partlyLate'),
    counted('events_repeated', 'Events that came again under their sequences.', 'repeated'),
    counted('event_bytes', 'Bytes of the events of batches that were decided.', 'bytes'),
    counted('batches', 'Batches that were decided.', 'batches'),
    {
      name: 'millrace_events_rejected_total',
      help: 'Events that were not counted, by error code; by no view at all.',
      kind: 'counter',
      labels: ['source', 'code'],
      look: () =>
        [...tallies.all].flatMap(([source, { rejected }]) =>
          Object.entries(rejected).map(([code, value]) => ({ labels: { source, code }, value })),
        ),
    },
  ]
}

function viewSights({ catalog, clock, watermarks, checkpoints }: NumberedParts): readonly Sight[] {
  const online = catalog.views.filter((view) => view.online)
  const ofLanes = (member: 'keys' | 'tiles' | 'tileBytes') => (): Sample[] => {
    const lanes = [...checkpoints.laneStats.values()]
    return online.map(({ name: view, index }) => {
      const value = lanes.reduce((sum, { views }) => sum + (views[index]?.[member] ?? 0), 0)
      return { labels: { view }, value }
    })
  }
  return [
    {
      name: 'millrace_view_freshness_seconds',
      help: 'Wall clock minus the newest event time that a view has counted.',
      kind: 'gauge',
      labels: ['view'],
      look: () =>
        online.flatMap(({ name: view, index }) => {
          const { ms } = watermarks.of(index)
          // Of a view without events there is no age.
          return ms === -Infinity ? [] : [{ labels: { view }, value: (clock.nowMs() - ms) / 1000 }]
        }),
    },
    {
      name: 'millrace_view_keys',
      help: 'Entity keys of a view in memory, as of the last checkpoint of each lane.',
      kind: 'gauge',
      labels: ['view'],
      look: ofLanes('keys'),
    },
    {
      name: 'millrace_view_tiles',
      help: 'Tiles of those keys that have events, of all windows together.',
      kind: 'gauge',
      labels: ['view'],
      look: ofLanes('tiles'),
    },
    {
      name: 'millrace_view_tile_bytes',
      help: 'Bytes of the tiles of a view in memory, as of the last checkpoint of each lane.',
      kind: 'gauge',
      labels: ['view'],
      look: ofLanes('tileBytes'),
    },
  ]
}

function shardSights({ router, lanes, checkpoints }: NumberedParts): readonly Sight[] {
  const ofLane = (name: string, help: string, valueOf: (lane: number) => number): Sight => ({
    name: `millrace_lane_${name}`,
    help,
    kind: 'gauge',
    labels: ['lane'],
    look: () =>
      lanes.map((_, lane) => ({
        labels: { lane },
        value: valueOf(lane),
      })),
  })
  const ofShard = (name: string, help: string, member: 'bytes' | 'ms', unit: number): Sight => ({
    name: `millrace_checkpoint_${name}`,
    help,
    kind: 'gauge',
    labels: ['shard'],
    look: () =>
      checkpoints.lags.map((lag) => ({
        labels: { shard: lag.shard },
        value: lag[member] / unit,
      })),
  })
  const stats = checkpoints.laneStats
  return [
    ofLane('mailbox_messages', 'Messages that a lane has not answered.', (lane) => {
      return router.loads[lane]!.messages
    }),
    ofLane('mailbox_batches', 'Batches that wait to be sent to a lane.', (lane) => {
      return router.loads[lane]!.batches
    }),
    ofLane('mailbox_bytes', 'Bytes of those batches.', (lane) => router.loads[lane]!.bytes),
    ofLane('state_bytes', 'State in memory, as of its last checkpoint.', (lane) => {
      return stats.get(lane)?.stateBytes ?? 0
    }),
    ofShard('age_seconds', 'How long a shard has not stored what was routed.', 'ms', 1000),
    ofShard('lag_bytes', 'Journal behind the checkpoint of a shard.', 'bytes', 1),
  ]
}

function storageSights({ journal, ledger, intake }: NumberedParts): readonly Sight[] {
  const gauge = (name: string, help: string, valueOf: () => number): Sight => ({
    name: `millrace_${name}`,
    help,
    kind: 'gauge',
    labels: [],
    look: () => [
      {
        labels: {},
        value: valueOf(),
      },
    ],
  })
  return [
    gauge('journal_bytes', 'Journal on disk.', () => journal.end - journal.start),
    gauge('journal_unflushed_bytes', 'Journal that is not on disk yet.', () => {
      return journal.end - journal.flushed
    }),
    gauge('ledger_entries', 'Events in the ledger.', () => ledger.summary().entries),
    gauge('ledger_bytes', 'Ledger on disk.', () => ledger.summary().bytes),
    gauge('unacknowledged_bytes', 'Memory of batches that are not settled.', () => intake.bytes),
  ]
}

/** Of the WebSocket connections, and of sockets that were closed as they came. */
export function connectionSights(
  wire: Pick<IngestServer, 'connections' | 'closes' | 'refusals'>,
  dropped: () => number,
): readonly Sight[] {
  const byLabel = (label: string, counts: ReadonlyMap<string, number>): Sample[] =>
    [...counts].map(([name, value]) => ({ labels: { [label]: name }, value }))
  return [
    {
      name: 'millrace_connections',
      help: 'Open WebSocket connections.',
      kind: 'gauge',
      labels: [],
      look: () => [{ labels: {}, value: wire.connections }],
    },
    {
      name: 'millrace_connections_closed_total',
      help: 'Connections that ended for a reason of the daemon or a fault of the peer.',
      kind: 'counter',
      labels: ['reason'],
      look: () => byLabel('reason', wire.closes),
    },
    {
      name: 'millrace_upgrades_refused_total',
      help: 'Upgrades to WebSocket that were refused, by error code.',
      kind: 'counter',
      labels: ['code'],
      look: () => byLabel('code', wire.refusals),
    },
    {
      name: 'millrace_sockets_dropped_total',
      help: 'Sockets that were closed as they came, because there were too many.',
      kind: 'counter',
      labels: [],
      look: () => [{ labels: {}, value: dropped() }],
    },
  ]
}
