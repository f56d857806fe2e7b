/**
 * Where the daemon will listen, and who is let in there.
 */
import { keysPath } from '../access/key-files.ts'
import { openKeyRing, type KeyRing } from '../access/key-ring.ts'
import type { Clock } from '../base/clock.ts'
import { settleListening, type Listening } from './listening.ts'
import type { MillraceLog } from '../base/log-port.ts'
import type { ResolvedOptions } from './options.ts'

/** Where the daemon will listen, and who is let in there. */
export interface Entry {
  readonly listening: Listening
  readonly access: KeyRing
}

export async function settleEntry(
  resolved: ResolvedOptions,
  {
    clock,
    log,
    insecure,
  }: { readonly clock: Clock; readonly log: MillraceLog; readonly insecure: boolean },
): Promise<Entry> {
  const access = await openKeyRing({ dir: keysPath(resolved.dataDir), clock, log })
  const listening = await settleListening(resolved, access.isAsking || insecure)
  const isFarAndPlain = listening.admission.hostNames === null && listening.tls === null
  if (access.isAsking && isFarAndPlain) {
    log.info({}, 'there is no TLS: API keys can be read on their way')
  }
  return { listening, access }
}
