/**
 * Power loss: what a live daemon did to its files is logged, the disk of a moment is made from that
 * with more or less of what was not flushed, and a daemon is started on it.
 *
 * The moments are those at which a producer has just been told something: whatever was acknowledged
 * by then must be there, and of what came later only whole batches, each producer's in their order.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { MemoryDisk } from '../helpers/memory-disk.ts'
import { journalDir, openOn } from '../helpers/journals.ts'
import { RawPeer } from '../helpers/raw-peer.ts'
import { Served } from '../helpers/served.ts'
import { assertAccount } from './check.ts'
import type { Outcome } from './outcome.ts'
import { producerName } from './sales.ts'
import { Scene } from './scene.ts'
import { traced } from './strace.ts'
import { Listener, type Told } from './told.ts'
import { readCalls } from './trace-log.ts'
import { TracedDisk, type Loss } from './traced-disk.ts'

export const losses: readonly Loss[] = ['none', 'random', 'torn', 'all']

export interface PowerOptions {
  readonly seed: number
  readonly producers: number
  /** Events acknowledged before the log ends. */
  readonly events: number
  /** Moments, the last one among them. */
  readonly moments: number
  readonly losses: readonly Loss[]
  /** A library in front of the daemon's. @defaultValue none */
  readonly preload?: string
  readonly say?: (line: string) => void
}

/** Checkpoints, and segments that go, but a log that is not all stores. */
const flags = ['--checkpoint', '200ms', '--journal-size', '64KiB', '--journal-age', '1ms']

/** Makes the images and starts a daemon on each; throws when one has lost anything. */
export async function powerRun(options: PowerOptions): Promise<Outcome> {
  const { preload, say = () => {} } = options
  const wrap = traced('%/strace', preload ?? null)
  const scene = await Scene.open({ ...options, wrap, flags })
  try {
    await scene.load.acknowledgedMore(options.events)
    await scene.served.kill()
    await scene.load.close()
    await scene.load.flushToOracle()
    const startsMs: number[] = []
    let acks = 0
    for await (const { disk, told, loss } of imagesOf(scene, options)) {
      if (loss === null) {
        acks += 1
        // With a library that does not flush, this is what must not hold.
        if (preload === undefined) await assertFlushed(disk, told)
        continue
      }
      const image = join(scene.dir, `image-${acks}-${loss}`)
      await disk.writeImage(image, loss, scene.random)
      startsMs.push(await assertKept(scene, image, told))
      say(`power lost after ${acks} acknowledgements, ${loss} of the rest kept: all is there`)
    }
    const notes = [`each of ${acks} acknowledgements came after the flush of what it tells`]
    const { acknowledged: events } = scene.load
    return { events, startsMs, faults: startsMs.length, notes }
  } finally {
    await scene.close()
  }
}

interface Moment {
  readonly disk: TracedDisk
  readonly told: ReadonlyMap<string, Told>
  /** What to keep for an image of it; null for none. */
  readonly loss: Loss | null
}

/** Every moment at which something has been acknowledged. */
async function* imagesOf(scene: Scene, options: PowerOptions): AsyncGenerator<Moment> {
  const log = join(scene.dir, 'strace')
  let count = 0
  const first = new Listener()
  for await (const call of readCalls(log)) if (first.hear(call)) count += 1
  assert.ok(count > 0, 'something is acknowledged')
  const chosen = new Set(Array.from({ length: options.moments - 1 }, () => 1 + scene.draw(count)))
  chosen.add(count)
  const disk = new TracedDisk(scene.dataDir)
  const listener = new Listener()
  let acks = 0
  for await (const call of readCalls(log)) {
    disk.apply(call)
    if (!listener.hear(call)) continue
    acks += 1
    yield { disk, told: listener.told, loss: null }
    if (!chosen.has(acks)) continue
    for (const loss of options.losses) yield { disk, told: listener.told, loss }
  }
}

/** The journal, opened on what was flushed alone, knows all that is acknowledged. */
async function assertFlushed(disk: TracedDisk, told: Moment['told']): Promise<void> {
  const memory = new MemoryDisk()
  for (const [name, bytes] of disk.durableFiles('journal')) {
    memory.put(`${journalDir}/${name}`, bytes)
  }
  const { journal } = await openOn(memory)
  const { producers } = journal.producers.state()
  for (const [name, { upTo }] of told) {
    const next = producers.find((producer) => producer.name === name)?.nextSequence ?? 0
    assert.ok(next > upTo, `${name} is told of ${upTo} while ${next - 1} is flushed`)
  }
  await journal.close()
}

/** A daemon on the image has what was acknowledged; returns how long its start took, ms. */
async function assertKept(scene: Scene, image: string, told: Moment['told']): Promise<number> {
  const served = new Served({ ...scene.options(), dataDir: image, port: 0 })
  const afters: (() => unknown)[] = []
  const context = { after: (run: () => unknown) => void afters.push(run) }
  try {
    const url = await served.url
    const upTo: number[] = []
    for (let n = 0; n < scene.load.producers; n++) {
      const name = producerName(n)
      const { epoch, upTo: acknowledged } = told.get(name) ?? { epoch: null, upTo: -1 }
      const { welcome } = await RawPeer.open(context, url, name, epoch)
      const lost = `of ${name}, ${acknowledged} is acknowledged and ${welcome.lastSeq} is there`
      assert.ok(welcome.lastSeq >= acknowledged, lost)
      upTo.push(welcome.lastSeq + 1)
    }
    await assertAccount(url, await scene.oracle.account(upTo), scene.load.producers)
    return await served.startMs
  } finally {
    for (const after of afters) after()
    await served.kill()
  }
}
