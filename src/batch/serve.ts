/**
 * The thread that reads a batch source for a backfill: it hands out batches as fast as they are
 * taken, a few ahead, so that the main thread never decodes a row.
 */
import type { MessagePort } from 'node:worker_threads'
import { assert } from '../base/assert.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { batchMemoryBytesMax, batchesAheadMax } from '../base/batch-limits.ts'
import { openDatabase } from '../duckdb/database.ts'
import type { BatchRowsRequest } from '../model/backfill.ts'
import type { FromBatchThread, ToBatchThread } from '../model/batch-messages.ts'
import type { Catalog } from '../model/catalog.ts'
import { BatchReader } from './reader.ts'
import { regroup } from './regroup.ts'

/** Reads to the end, or until it is told to stop; what goes wrong is told, too. */
export async function serveBatch(
  catalog: Catalog,
  request: BatchRowsRequest,
  port: MessagePort,
): Promise<void> {
  const post = (message: FromBatchThread): void => port.postMessage(message)
  const room = new Room(port)
  try {
    await read(catalog, request, room, post)
    post({ kind: 'ended' })
  } catch (thrown) {
    const isOurs = thrown instanceof MillraceError
    const error = isOurs ? { code: thrown.code, details: thrown.details } : null
    post({ kind: 'failed', reason: reasonOf(thrown), error })
  } finally {
    port.close()
  }
}

async function read(
  catalog: Catalog,
  request: BatchRowsRequest,
  room: Room,
  post: (message: FromBatchThread) => void,
): Promise<void> {
  const source = catalog.sources.find(({ name }) => name === request.source)
  assert(source?.batch !== undefined, 'a source that is backfilled has a batch source')
  const database = await openDatabase({ threads: 1, memoryBytesMax: batchMemoryBytesMax })
  try {
    const reader = await BatchReader.open(database, source, source.batch)
    const range = { fromNs: nsOf(request.fromMs), toNs: nsOf(request.untilMs) }
    post({ kind: 'opened', total: await reader.count(range) })
    const chunks = reader.read({ ...range, isOrdered: true })
    // What may come behind them is not known before.
    const broken = request.isWhole ? reader.broken : []
    for await (const { count, payload, origins } of regroup(chunks, { ...request, broken })) {
      const bytes = await room.put(payload)
      if (bytes === null) return
      post({ kind: 'chunk', count, payload: bytes, origins })
    }
  } finally {
    await database.close()
  }
}

function nsOf<T extends number | null>(ms: T): T extends null ? null : bigint
function nsOf(ms: number | null): bigint | null {
  return ms === null ? null : BigInt(ms) * 1_000_000n
}

/**
 * For batches that nobody has taken yet: memory that the main thread sees, too, and that is filled
 * again when it has been read. What changed hands whole would be new memory to both threads'
 * garbage collectors, each time.
 */
class Room {
  readonly #buffers: SharedArrayBuffer[] = []
  /** Batches so far. */
  #put = 0
  #left = batchesAheadMax
  #isStopped = false
  #wake: () => void = () => {}

  constructor(port: MessagePort) {
    port.on('message', (message: ToBatchThread) => {
      if (message.kind === 'stop') this.#isStopped = true
      else this.#left += 1
      this.#wake()
    })
  }

  /** Resolves to a copy of a batch when there is room for it; to null when it is to stop. */
  async put(payload: Uint8Array): Promise<Uint8Array | null> {
    while (this.#left === 0 && !this.#isStopped) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#isStopped) return null
    this.#left -= 1
    // Batches are taken in order, so the place of the oldest is the one that is free.
    const place = this.#put++ % batchesAheadMax
    let buffer = this.#buffers[place]
    if (buffer === undefined || buffer.byteLength < payload.length) {
      buffer = new SharedArrayBuffer(Math.ceil(payload.length * 1.25))
      this.#buffers[place] = buffer
    }
    const bytes = new Uint8Array(buffer, 0, payload.length)
    bytes.set(payload)
    return bytes
  }
}
