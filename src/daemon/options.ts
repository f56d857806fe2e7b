/**
 * What a program may say about the daemon that it starts, and what holds when nothing is said.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mkdtemp } from 'node:fs/promises'
import type { Clock } from '../base/clock.ts'
import { daemonOptions, resolveOptions as resolveConfig, type Resolved } from '../base/config.ts'
import { MillraceError } from '../base/errors.ts'
import type { MillraceLog } from '../base/log-port.ts'

/** A file by its URL: a `URL` is one. The types of Node are not needed to use ours. */
export interface FileUrl {
  readonly href: string
}

/** Options of {@link startMillrace}. */
export interface MillraceOptions {
  /**
   * The definitions: a TypeScript or JavaScript file, or the definitions themselves. Views with a
   * transform need a file, because the shard threads import it.
   */
  readonly features: string | FileUrl | readonly unknown[]
  /** Directory of the journal and the stores. @defaultValue a new temporary directory */
  readonly dataDir?: string
  /** TCP port for HTTP and WebSocket. @defaultValue 0: any free one */
  readonly port?: number
  /** @defaultValue `'127.0.0.1'` */
  readonly host?: string
  /**
   * Lets `host` be an address that other machines reach, though the data directory has no API keys
   * and nobody is asked for one.
   *
   * @defaultValue false
   */
  readonly insecure?: boolean
  /** Origins of web pages that may ask, such as `https://shop.example`. @defaultValue none */
  readonly allowedOrigins?: readonly string[]
  /** File of a certificate chain, PEM: HTTPS and wss only. @defaultValue null: no TLS */
  readonly tlsCert?: string | null
  /** File of its private key, PEM. @defaultValue null */
  readonly tlsKey?: string | null
  /**
   * Parts of the key space, fixed when the data directory is created; one that has another number
   * is refused.
   *
   * @defaultValue 16, or what the directory has
   */
  readonly shards?: number
  /** Threads that own the shards. @defaultValue one less than the machine's cores, at least 1 */
  readonly threads?: number
  /** State in memory, all threads together, bytes. @defaultValue 512 MiB */
  readonly stateBytesMax?: number
  /** Time between checkpoints, ms. @defaultValue 10_000 */
  readonly checkpointMs?: number
  /** Journal beyond this size is deleted once checkpointed, bytes. @defaultValue 8 GiB */
  readonly retainBytesMax?: number
  /** Journal older than this is deleted once checkpointed, ms. @defaultValue 7 days */
  readonly retainMsMax?: number
  /** Events that were not counted go beyond this size, the oldest first. @defaultValue 256 MiB */
  readonly ledgerBytesMax?: number
  /** Likewise when they are older than this, ms. @defaultValue 30 days */
  readonly ledgerMsMax?: number
  /** Time between two writes of events into the offline log, ms. @defaultValue 300_000 */
  readonly offlineMs?: number
  /** The oldest files of the offline log go beyond this size, bytes. @defaultValue Infinity */
  readonly offlineBytesMax?: number
  /** Likewise when their day is longer ago than this, ms. @defaultValue Infinity */
  readonly offlineMsMax?: number
  /** Time between two verifications that nobody asks for, ms. @defaultValue 0: none */
  readonly verifyMs?: number
  /** Producers that are known at a time; a new name beyond is refused. @defaultValue 100_000 */
  readonly producersMax?: number
  /** After so long unseen, a producer may be forgotten, ms. @defaultValue 7 days */
  readonly producerMsMax?: number
  /**
   * Gives up the state of views and sources that are no longer defined, instead of refusing.
   *
   * @defaultValue false
   */
  readonly dropMissing?: boolean
  /** @defaultValue the system's clocks */
  readonly clock?: Clock
  /** @defaultValue nothing is logged */
  readonly log?: MillraceLog
}

/** The options of `base/config.ts` with their defaults. */
export type ResolvedOptions = Pick<MillraceOptions, 'features'> & Resolved<typeof daemonOptions>

/** @throws MillraceError `CONFIG_INVALID`; the environment is not read. */
export async function resolveOptions(options: MillraceOptions): Promise<ResolvedOptions> {
  const { features, insecure: _insecure, dropMissing: _dropMissing, ...others } = options
  const { clock: _clock, log: _log, allowedOrigins, tlsCert, tlsKey, ...given } = others
  const dataDir = given.dataDir ?? (await mkdtemp(join(tmpdir(), 'millrace-')))
  const texts = {
    allowedOrigins: allowedOrigins?.length === 0 ? undefined : allowedOrigins?.join(','),
    tlsCert: tlsCert ?? undefined,
    tlsKey: tlsKey ?? undefined,
  }
  return { features, ...resolveConfig(daemonOptions, { port: 0, ...given, ...texts, dataDir }, {}) }
}

/**
 * The shards of a store are fixed: who asks for others should not believe to have got them.
 *
 * @param store  Null in a new directory.
 * @throws MillraceError `CONFIG_INVALID`
 */
export function assertShards(
  { shards }: Pick<MillraceOptions, 'shards'>,
  store: { readonly shards: number } | null,
): void {
  if (shards === undefined || store === null || shards === store.shards) return
  const made = `this store was created with ${store.shards}`
  const reason = `${shards} asked for, but ${made}; leave the option out, or use another directory`
  throw new MillraceError('CONFIG_INVALID', { path: 'shards', reason })
}
