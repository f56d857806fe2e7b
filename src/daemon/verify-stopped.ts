/**
 * Verifies a directory that no daemon has open: a daemon is started over it, asked, and closed.
 *
 * A start replays what the checkpoints do not cover, as any would; nothing that is kept goes.
 */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError, reasonOf } from '../base/errors.ts'
import type { Certificate } from '../model/certificate.ts'
import type { MillraceOptions } from './options.ts'
import { keepAll } from './rebuild.ts'
import { startMillrace } from './start.ts'

export interface VerifyStoppedOptions extends MillraceOptions {
  readonly dataDir: string
  readonly keys: number
  readonly seed: number
}

/** @throws MillraceError `FILE_UNREADABLE` for what is no data directory; what a start throws. */
export async function verifyStopped(options: VerifyStoppedOptions): Promise<Certificate> {
  const { keys, seed, ...daemon } = options
  const file = join(options.dataDir, 'store.json')
  await access(file).catch((thrown: unknown) => {
    throw new MillraceError('FILE_UNREADABLE', { file, reason: reasonOf(thrown) })
  })
  const millrace = await startMillrace({ ...daemon, ...keepAll })
  try {
    return await millrace.verify({ keys, seed })
  } finally {
    await millrace.close()
  }
}
