/**
 * The part of a start that has to do with the past of views.
 */
import type { BackfillPort } from '../model/backfill.ts'
import { Backfills, type BackfillsOptions } from '../backfill/backfills.ts'
import { batchThreads } from './batch-threads.ts'
import type { Loaded } from './load.ts'
import type { Millrace } from './millrace.ts'

/** Finds the backfills that are not complete; they wait until somebody asks for them. */
export async function openBackfills(
  past: Omit<BackfillsOptions, 'openRows'>,
  loaded: Loaded,
): Promise<Backfills> {
  const backfills = new Backfills({ ...past, openRows: batchThreads(loaded) })
  await backfills.open()
  return backfills
}

/** Backfills as requests see them. */
export function backfillPort(backfills: Backfills, millrace: Millrace): BackfillPort {
  return {
    start: (request) => millrace.unlessFailed(backfills.start(request)),
    pause: () => millrace.unlessFailed(backfills.pause()),
    status: () => backfills.status(),
  }
}
