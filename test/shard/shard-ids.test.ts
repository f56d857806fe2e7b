import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { buildCatalog } from '../../src/define/catalog.ts'
import { aggregate, entity, pushSource, streamFeatureView, t } from '../../src/index.ts'
import type { Catalog } from '../../src/model/catalog.ts'
import { writeEventId } from '../../src/model/event-id.ts'
import { rejection } from '../../src/model/rejection.ts'
import { openShardStore, type ShardStore } from '../../src/persist/shard-store.ts'
import { ShardIds } from '../../src/shard/shard-ids.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const horizonMs = 60_000
const startMs = 1_700_000_000_000

/** A source with two routes, the first by user. */
function catalogOf(name = 'orders'): Catalog {
  const source = pushSource({
    name,
    schema: { user: t.String(), shop: t.String(), id: t.String(), at: t.Timestamp() },
    dedupe: { by: 'event-id', field: 'id', horizon: '1m' },
  })
  return buildCatalog(
    (['user', 'shop'] as const).map((key) =>
      streamFeatureView({
        name: `by_${key}`,
        source,
        entities: [entity({ name: key, joinKeys: { [key]: t.String() } as never })],
        features: [aggregate('id', 'count', '1h')],
      }),
    ),
  )
}

const routeOf = (catalog: Catalog, key: string): number =>
  catalog.routes.findIndex(({ joinKeys }) => joinKeys[0]!.name === key)

/** The ids of one shard over a store. */
class DrivenIds {
  readonly store: ShardStore
  readonly ids: ShardIds
  readonly #catalog: Catalog
  readonly #id = Buffer.alloc(256)

  private constructor(store: ShardStore, catalog: Catalog) {
    this.store = store
    this.ids = new ShardIds(catalog, store)
    this.#catalog = catalog
  }

  static async open(path: string, catalog = catalogOf()): Promise<DrivenIds> {
    return new DrivenIds(await openShardStore(path, { mapBytes: 2 ** 28 }), catalog)
  }

  /** Claims ids for events of one run and settles it; `!` before an id rejects its event. */
  run(atMs: number, names: readonly string[], key = 'ada', by = 'user'): string[] {
    const route = this.ids.begin({
      route: routeOf(this.#catalog, by),
      arrivalMs: startMs + atMs,
      backfill: 0,
    })!
    const bytes = Buffer.from(key)
    const verdicts = names.map((name, eventIndex) => {
      const idBytes = writeEventId(this.#id, name.replace('!', ''))
      const place = { keyHash: 77, bytes, keyStart: 0, keyEnd: bytes.length }
      return route.claim({ eventIndex, ...place, id: this.#id, idBytes })
    })
    route.settle(
      names.flatMap((name, n) => (name.startsWith('!') ? rejection(n, 'EVENT_TOO_LATE', '') : [])),
    )
    return verdicts
  }

  /** @param whileStoring  Called when everything is captured and nothing is stored. */
  async checkpoint(options: { isFlushed?: boolean; whileStoring?: () => void } = {}) {
    const { isFlushed = true, whileStoring } = options
    const { ids } = this
    ids.beginStoring()
    // oxlint-disable-next-line require-await
    async function* batches() {
      yield* ids.unstored()
      yield* ids.expired()
      whileStoring?.()
    }
    const header = new Uint8Array(1)
    const ready = Promise.resolve(isFlushed)
    const isStored = await this.store.commit({ header, batches: batches(), ready })
    if (isStored) ids.endStoring()
  }
}

async function opened(context: TestContext): Promise<DrivenIds> {
  const driven = await DrivenIds.open(await temporaryDirectory(context))
  context.after(() => driven.store.close())
  return driven
}

test('an id is a duplicate up to its horizon, and duplicates do not extend it', async (context) => {
  const driven = await opened(context)
  assert.deepEqual(driven.run(0, ['x']), ['first'])
  assert.deepEqual(driven.run(0, ['x', 'y']), ['duplicate', 'first'])
  assert.deepEqual(driven.run(horizonMs, ['x']), ['duplicate'])
  assert.deepEqual(driven.run(horizonMs + 1, ['x']), ['first'])
  assert.deepEqual(driven.run(2 * horizonMs + 1, ['x']), ['duplicate'])
  assert.deepEqual(driven.run(2 * horizonMs + 2, ['x']), ['first'])
})

test('what an event has claimed is not known before its run is settled', async (context) => {
  const driven = await opened(context)
  assert.deepEqual(driven.run(0, ['!x', 'x', 'y']), ['first', 'unsettled', 'first'])
  // The event with it was rejected: it can be sent again.
  assert.deepEqual(driven.run(0, ['x', 'y']), ['first', 'duplicate'])
  assert.deepEqual(driven.run(horizonMs + 1, ['!x', 'x']), ['first', 'unsettled'])
  assert.deepEqual(driven.run(horizonMs + 1, ['x']), ['first'])
})

test('keys and routes have ids of their own, and so do lengths', async (context) => {
  const driven = await opened(context)
  assert.deepEqual(driven.run(0, ['x'], 'ada'), ['first'])
  assert.deepEqual(driven.run(0, ['x'], 'bob'), ['first'])
  assert.deepEqual(driven.run(0, ['x'], 'ada', 'shop'), ['first'])
  assert.deepEqual(driven.run(0, ['ax'], 'ad'), ['first'])
  await driven.checkpoint()
  assert.equal(driven.store.idCount, 4)
  assert.deepEqual(driven.run(0, ['x'], 'bob'), ['duplicate'])
  assert.deepEqual(driven.run(0, ['x'], 'bob', 'shop'), ['first'])
})

test('ids are found while they are stored, and after; memory lets them go', async (context) => {
  const driven = await opened(context)
  const { ids } = driven
  const names = Array.from({ length: 2000 }, (_, n) => `id ${n}`)
  driven.run(0, names)
  assert.equal(ids.unstoredCount, 2000)
  const { bytes } = ids
  assert.ok(bytes > 2000 * 30 && bytes < 2000 * 80, `${bytes} bytes`)
  assert.equal(ids.unstoredBytes, bytes)
  await driven.checkpoint({
    whileStoring: () => {
      assert.deepEqual([ids.unstoredCount, ids.unstoredBytes, ids.bytes], [0, 0, bytes])
      assert.deepEqual(driven.run(1, ['id 0', 'new']), ['duplicate', 'first'])
    },
  })
  assert.equal(ids.unstoredCount, 1)
  assert.ok(ids.bytes < 100)
  assert.deepEqual(driven.run(2, ['id 7', 'new']), ['duplicate', 'duplicate'])
  await driven.checkpoint()
  assert.equal(ids.bytes, 0)
  assert.equal(driven.store.idCount, 2001)
  assert.equal(driven.store.count, 0)
})

test('the next life finds the ids of its checkpoint, and no later ones', async (context) => {
  const dir = await temporaryDirectory(context)
  const driven = await DrivenIds.open(dir)
  driven.run(0, ['x'])
  await driven.checkpoint()
  driven.run(1, ['y'])
  await driven.checkpoint({ isFlushed: false })
  await driven.store.close()
  const again = await DrivenIds.open(dir)
  assert.deepEqual(again.run(1, ['y', 'x']), ['first', 'duplicate'])
  await again.store.close()
})

test('an id that counts again is stored with its new arrival', async (context) => {
  const driven = await opened(context)
  driven.run(0, ['x'])
  await driven.checkpoint()
  assert.deepEqual(driven.run(horizonMs + 1, ['x']), ['first'])
  // The sweep of this checkpoint meets the old one, which it must not remove.
  await driven.checkpoint()
  assert.deepEqual(driven.run(horizonMs + 2, ['x']), ['duplicate'])
  assert.deepEqual(driven.run(2 * horizonMs + 1, ['x']), ['duplicate'])
  assert.equal(driven.store.idCount, 1)
})

test('ids beyond their horizon are swept, and none that may be asked for', async (context) => {
  const driven = await opened(context)
  driven.run(0, ['w', 'x'])
  await driven.checkpoint()
  driven.run(1, ['y'])
  await driven.checkpoint()
  // The first round of the sweep met nothing, and rests until something may have expired.
  driven.run(horizonMs, ['z'])
  await driven.checkpoint()
  assert.equal(driven.store.idCount, 4)
  // An id at its horizon is neither before nor behind it.
  assert.deepEqual(driven.run(horizonMs + 1, ['y']), ['duplicate'])
  await driven.checkpoint()
  assert.equal(driven.store.idCount, 2)
  assert.deepEqual(driven.run(horizonMs + 1, ['y']), ['duplicate'])
  driven.run(horizonMs + 2, ['z'])
  await driven.checkpoint()
  assert.equal(driven.store.idCount, 1)
  // A section of a route, or of one without ids, moves time on; nothing else does.
  driven.ids.begin({
    route: routeOf(catalogOf(), 'shop'),
    arrivalMs: startMs + 3 * horizonMs,
    backfill: 0,
  })
  await driven.checkpoint()
  assert.equal(driven.store.idCount, 0)
})

test('the sweep judges by what its checkpoint covers, not by what comes', async (context) => {
  const dir = await temporaryDirectory(context)
  const driven = await DrivenIds.open(dir)
  driven.run(0, ['x'])
  await driven.checkpoint()
  driven.run(horizonMs, ['y'])
  driven.ids.beginStoring()
  driven.run(2 * horizonMs, ['z'])
  assert.deepEqual([...driven.ids.expired()].flat(), [])
  await driven.store.close()
})

test('the sweep keeps pace with new ids, whatever their number', async (context) => {
  const driven = await opened(context)
  let storedMax = 0
  for (let round = 0; round < 12; round++) {
    // Each round is half a horizon: three of them are alive at a time.
    const names = Array.from({ length: 3000 }, (_, n) => `${round} ${n}`)
    driven.run((round * horizonMs) / 2, names)
    await driven.checkpoint()
    storedMax = Math.max(storedMax, driven.store.idCount)
  }
  assert.ok(storedMax <= 2 * 9000, `${storedMax} ids stored`)
})

test('ids of a route that is gone are removed', async (context) => {
  const dir = await temporaryDirectory(context)
  const driven = await DrivenIds.open(dir)
  driven.run(0, ['x', 'y'])
  await driven.checkpoint()
  await driven.store.close()
  const other = await DrivenIds.open(dir, catalogOf('returns'))
  assert.deepEqual(other.run(1, ['x']), ['first'])
  await other.checkpoint()
  assert.equal(other.store.idCount, 1)
  await other.store.close()
})
