/**
 * Where the daemon will listen, and for whom: found out before anything is opened, so that a start
 * that must not be is refused at once.
 *
 * As long as there are no API keys nobody is asked for one, so only programs of this machine are
 * let in unless someone says otherwise: the host has to be a loopback address. On such an address a
 * request must also ask for a name that is this machine's own, which a page that has pointed its
 * own name here cannot do.
 */
import dns from 'node:dns'
import { readFile } from 'node:fs/promises'
import { BlockList, isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { hostOfOrigin, type Admission } from '../model/admission.ts'
import type { TlsKeys } from '../serve/http-server.ts'

export interface Listening {
  /** An address, not a name. */
  readonly address: string
  readonly port: number
  readonly admission: Admission
  readonly tls: TlsKeys | null
}

interface ListeningOptions {
  readonly host: string
  readonly port: number
  readonly allowedOrigins: readonly string[]
  /** Files; both or none. */
  readonly tlsCert: string | null
  readonly tlsKey: string | null
}

/**
 * @param isGuarded  Whoever reaches the host is asked for a key, or may be let in without one.
 * @throws MillraceError `CONFIG_INVALID`; of a name that is unknown the error of the system.
 */
export async function settleListening(
  { host, port, allowedOrigins, tlsCert, tlsKey }: ListeningOptions,
  isGuarded: boolean,
): Promise<Listening> {
  const { address, family } = await dns.promises.lookup(host)
  const isLoopback = loopback.check(address, family === 6 ? 'ipv6' : 'ipv4')
  if (!isLoopback && !isGuarded) {
    const named = host === address ? host : `${host} (${address})`
    throw invalid(
      '--host',
      `${named} can be reached from other machines, and there are no API keys; create one with ` +
        '"millrace keys create", listen on 127.0.0.1, or let everybody in with --insecure',
    )
  }
  const own = isIP(host) === 0 ? [host.toLowerCase()] : []
  const hostNames = isLoopback ? [...own, ...allowedOrigins.map(hostOfOrigin)] : null
  const tls = await tlsKeysOf(tlsCert, tlsKey)
  return { address, port, admission: { allowedOrigins, hostNames }, tls }
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8)
loopback.addAddress('::1', 'ipv6')

async function tlsKeysOf(certFile: string | null, keyFile: string | null): Promise<TlsKeys | null> {
  if (certFile === null && keyFile === null) return null
  if (certFile === null) throw invalid('--tls-key', 'needs a certificate: --tls-cert')
  if (keyFile === null) throw invalid('--tls-cert', 'needs its private key: --tls-key')
  const cert = await textOf('--tls-cert', certFile)
  const key = await textOf('--tls-key', keyFile)
  try {
    createSecureContext({ cert, key })
  } catch (thrown) {
    const reason = `not usable with the key of --tls-key: ${reasonOf(thrown)}`
    throw new MillraceError('CONFIG_INVALID', { path: '--tls-cert', reason }, { cause: thrown })
  }
  return { cert, key }
}

async function textOf(path: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (thrown) {
    const reason = `cannot be read: ${reasonOf(thrown)}`
    throw new MillraceError('CONFIG_INVALID', { path, reason }, { cause: thrown })
  }
}

function invalid(path: string, reason: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', { path, reason })
}
