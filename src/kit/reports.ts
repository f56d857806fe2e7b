/**
 * What a test is told of the events that it pushes.
 */
import type { PartlyLate, Rejection } from '../model/rejection.ts'
import type { Value } from '../model/types.ts'

/** What was not counted; an event may be there once for each route. */
export interface Uncounted {
  readonly rejections: readonly Rejection[]
  readonly partly: readonly PartlyLate[]
  readonly duplicates: readonly number[]
}

/** What has become of the events of one {@link TestKit.push}. */
export interface PushReport {
  /** How many were accepted, duplicates among them. */
  readonly accepted: number
  /** By place among the events. */
  readonly rejected: readonly PushRejection[]
  /** How many of those that were accepted were not counted again. */
  readonly duplicates: number
  /** Events that were too late for some views, whose names these are. */
  readonly partial: readonly { readonly index: number; readonly missedBy: readonly string[] }[]
}

/** What functions have made of events. */
export interface TransformReport {
  readonly rows: readonly TransformedRow[]
  readonly rejected: readonly PushRejection[]
}

export interface TransformedRow {
  /** Place of the event that it was made of. */
  readonly index: number
  /** Event time, ns since 1970-01-01 UTC. */
  readonly time: bigint
  readonly row: Readonly<Record<string, Value>>
}

export interface PushRejection {
  readonly index: number
  readonly code: string
  /** JSON pointer to the field. */
  readonly path: string
  readonly message: string
}

export function reportOf(count: number, { rejections, partly, duplicates }: Uncounted): PushReport {
  const rejected = rejectedOf(rejections)
  const places = new Set(rejected.map(({ index }) => index))
  return {
    accepted: count - rejected.length,
    rejected,
    duplicates: new Set(duplicates.filter((index) => !places.has(index))).size,
    partial: partly.map(({ index, views }) => ({ index, missedBy: views })),
  }
}

/** An event that several routes reject is told once, for the first. */
export function rejectedOf(rejections: readonly Rejection[]): readonly PushRejection[] {
  const rejected = new Map<number, PushRejection>()
  for (const { index, code, path, message } of rejections) {
    if (!rejected.has(index)) rejected.set(index, { index, code, path, message })
  }
  return [...rejected.values()].toSorted((a, b) => a.index - b.index)
}
