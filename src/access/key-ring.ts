/**
 * Who is let in: the keys of a data directory, as of the last look at it.
 *
 * Without a directory of keys nobody is asked for one. From the first look on that finds it, this
 * process asks everybody, whatever becomes of it: no key, no entry. A look costs the names of the
 * files; each file is read once. What a grant allows is found out whenever it is asked, so what was
 * let in with a key that is revoked or has expired gets nothing more.
 *
 * Thread: main.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../base/clock.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { apiKeysLookMs } from '../base/http-limits.ts'
import {
  everything,
  type AccessPort,
  type Grant,
  type Permission,
  type Target,
} from '../model/permission.ts'
import { keyIds, readKey, type KeyRecord } from './key-files.ts'
import { may } from './roles.ts'
import { createSecret, hashOf, idOf, isHashOf } from './secret.ts'

/** A logger in the manner of pino. */
interface AccessLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface KeyRingOptions {
  /** Of the keys' files. */
  readonly dir: string
  readonly clock: Pick<Clock, 'nowMs'>
  readonly log: AccessLog
}

/** Reads the keys of a directory. */
export async function openKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  const ring = new KeyRing(options)
  await ring.look()
  return ring
}

export class KeyRing implements AccessPort {
  readonly #options: KeyRingOptions
  readonly #keys = new Map<string, KeyRecord>()
  /** What the log was told of files that cannot be read, by key; `''` is the directory. */
  readonly #told = new Map<string, string>()
  readonly #own = createSecret()
  readonly #ownHash = hashOf(this.#own.text)
  #timer: NodeJS.Timeout | undefined
  #isAsking = false
  #looking: Promise<void> | null = null

  constructor(options: KeyRingOptions) {
    this.#options = options
  }

  /** Whether everybody is asked for a key. */
  get isAsking(): boolean {
    return this.#isAsking
  }

  /** A key that opens everything, for whoever is within the process. */
  get ownKey(): string {
    return this.#own.text
  }

  grantOf({ authorization }: IncomingHttpHeaders): Grant {
    if (!this.#isAsking || authorization === undefined) return this.#anonymous
    const text = /^(?:Bearer|Tecton-key) +(\S+)$/i.exec(authorization)?.[1] ?? ''
    const id = idOf(text)
    if (id === null) return stranger
    if (id === this.#own.id) return isHashOf(text, this.#ownHash) ? everything : stranger
    const key = this.#keys.get(id)
    if (key === undefined || !isHashOf(text, key.hash)) return stranger
    return { owner: id, refusal: (permission, target) => this.#refusal(id, permission, target) }
  }

  /** Looks at the directory once more, now. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  /** Goes on looking, once in a while. */
  watch(): void {
    this.#timer = setInterval(() => void this.look(), apiKeysLookMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Whoever comes without a key: welcome as long as nobody is asked for one. */
  readonly #anonymous: Grant = {
    owner: '',
    refusal: (permission) =>
      this.#isAsking && permission !== 'open' ? unauthorized('an API key is needed') : null,
  }

  #refusal(id: string, permission: Permission, target?: Target): MillraceError | null {
    if (permission === 'open') return null
    const key = this.#keys.get(id)
    const nowMs = this.#options.clock.nowMs()
    if (key === undefined || nowMs >= (key.expiresMs ?? Infinity)) return unauthorized(invalid)
    if (!may(key.role, permission)) {
      return new MillraceError('FORBIDDEN', { reason: `role ${key.role} has no "${permission}"` })
    }
    return target === undefined ? null : outOfScope(key, target)
  }

  async #look(): Promise<void> {
    const { dir, log } = this.#options
    let ids: readonly string[] | null
    try {
      ids = await keyIds(dir)
      this.#told.delete('')
    } catch (thrown) {
      this.#tell('', reasonOf(thrown))
      ids = []
    }
    if (ids !== null && !this.#isAsking) log.info({ dir }, 'everybody is asked for an API key')
    this.#isAsking ||= ids !== null
    const present = new Set(ids)
    for (const id of this.#keys.keys()) if (!present.has(id)) this.#keys.delete(id)
    for (const id of present) if (!this.#keys.has(id)) await this.#read(id)
  }

  async #read(id: string): Promise<void> {
    try {
      const key = await readKey(this.#options.dir, id)
      if (key !== null) this.#keys.set(id, key)
      this.#told.delete(id)
    } catch (thrown) {
      this.#tell(id, reasonOf(thrown))
    }
  }

  #tell(id: string, reason: string): void {
    if (this.#told.get(id) === reason) return
    this.#told.set(id, reason)
    this.#options.log.error({ dir: this.#options.dir, key: id, reason }, 'no API key can be read')
  }
}

const invalid = 'the API key is unknown, revoked or expired'

/** Whoever comes with what is no key of ours. */
const stranger: Grant = {
  owner: '',
  refusal: (permission) => (permission === 'open' ? null : unauthorized(invalid)),
}

function unauthorized(reason: string): MillraceError {
  return new MillraceError('UNAUTHORIZED', { reason })
}

function outOfScope({ sources, services }: KeyRecord, target: Target): MillraceError | null {
  const [kind, name, scope] =
    'source' in target ? ['source', target.source, sources] : ['service', target.service, services]
  if (scope === null || scope.includes(name)) return null
  return new MillraceError('FORBIDDEN', { reason: `it is not for ${kind} "${name}"` })
}
