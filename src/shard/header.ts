/**
 * What a checkpoint says beside the state of the keys: the journal position that it covers, per
 * view the watermark, the rows that wait for their time and how many keys were new, and the events
 * that were not counted and may not be in the ledger yet.
 */
import type { StoredNewKeys } from '../aggregate/new-keys.ts'
import type { ViewState } from '../aggregate/view-state.ts'
import { createDecoder, createEncoder } from '../model/msgpack.ts'
import { replayFrom, type StoredUnrecorded } from './unrecorded.ts'

const encoder = createEncoder()
const decoder = createDecoder({ bytesMax: 2 ** 31, nodesMax: 2 ** 31 - 1, depthMax: 32 })

interface StoredHeader {
  readonly position: number
  readonly views: Readonly<Record<string, StoredView>>
  readonly unrecorded: StoredUnrecorded
}

interface StoredView {
  readonly watermarkMs: number
  readonly watermarkNs: number
  /** Rows that wait for their time. */
  readonly parked: Uint8Array
  /** When rows are due that only a read has let go, ms. */
  readonly early: readonly number[]
  readonly newKeys: StoredNewKeys
}

/** The header of the state as it is now. `viewIds[i]` names view i in the store. */
export function encodeHeader(
  position: number,
  views: readonly (ViewState | null)[],
  viewIds: readonly number[],
  unrecorded: StoredUnrecorded,
): Uint8Array {
  const stored: Record<string, StoredView> = {}
  views.forEach((state, index) => {
    if (state === null) return
    stored[viewIds[index]!] = {
      watermarkMs: state.watermarkMs,
      watermarkNs: state.watermarkNs,
      parked: state.parked.toStored(),
      early: state.parked.early,
      newKeys: state.newKeys.toStored(),
    }
  })
  const header: StoredHeader = { position, views: stored, unrecorded }
  return encoder.encode(header)
}

/** The position that a header covers, and where a replay must begin. */
export function positionOf(bytes: Uint8Array): {
  readonly position: number
  readonly from: number
} {
  const { position, unrecorded } = decoder.decode(bytes) as StoredHeader
  return { position, from: replayFrom(position, unrecorded) }
}

/** Puts what a header says of views back into empty ones; returns the rest. */
export function restoreHeader(
  bytes: Uint8Array,
  views: readonly (ViewState | null)[],
  viewIds: readonly number[],
): { readonly position: number; readonly unrecorded: StoredUnrecorded } {
  const header = decoder.decode(bytes) as StoredHeader
  views.forEach((state, index) => {
    const stored = header.views[viewIds[index]!]
    if (state === null || stored === undefined) return
    state.watermarkMs = stored.watermarkMs
    state.watermarkNs = stored.watermarkNs
    state.parked.restore(stored.parked, stored.early)
    state.newKeys.restore(stored.newKeys)
  })
  return header
}
