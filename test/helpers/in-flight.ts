/**
 * A batch in flight that writes down what it is told.
 */
import assert from 'node:assert/strict'
import type { BatchInFlight, RoutableBatch } from '../../src/model/contracts.ts'
import type { PartlyLate, Rejection } from '../../src/model/rejection.ts'
import { payloadOf } from './msgpack-forms.ts'

export interface RecordedBatch extends RoutableBatch {
  readonly events: readonly Uint8Array[]
  /** Lanes that hold events of the batch and have not answered. */
  lanes: number
  /** Lanes that ever held events of the batch. */
  lanesExpected: number
  /** `[route, rejections]`, as they came. */
  readonly rejected: [route: number, rejections: readonly Rejection[]][]
  /** `[route, events]`, likewise. */
  readonly late: [route: number, events: readonly PartlyLate[]][]
  /** Places of duplicates, likewise. */
  readonly duplicates: number[]
}

export function recordedBatch(
  position: number,
  events: readonly Uint8Array[],
  source = 0,
): RecordedBatch {
  let isKept = false
  const inFlight: BatchInFlight = {
    position,
    expectLane: () => {
      batch.lanes += 1
      batch.lanesExpected += 1
    },
    keep: (payload) => {
      assert.deepEqual(Buffer.from(payload), Buffer.from(batch.payload))
      isKept = true
    },
    reject: (route, rejections) => {
      assert.ok(isKept, 'the events of what is rejected are kept first')
      batch.rejected.push([route, rejections])
    },
    late: (route, events) => {
      assert.ok(isKept, 'the events of what is late are kept first')
      batch.late.push([route, events])
    },
    duplicate: (places) => batch.duplicates.push(...places),
    laneDone: () => {
      batch.lanes -= 1
    },
  }
  const batch: RecordedBatch = {
    source,
    count: events.length,
    payload: payloadOf(events),
    arrivalMs: 1000 + position,
    inFlight,
    events,
    lanes: 0,
    lanesExpected: 0,
    rejected: [],
    late: [],
    duplicates: [],
  }
  return batch
}
