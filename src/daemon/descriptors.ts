/**
 * How many sockets the process may hold: so many that files can still be opened when all are taken.
 *
 * A journal that cannot begin its next segment ends the daemon, and would at each start as long as
 * the peers stay. Thread: main.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { httpConnectionsMax } from '../base/http-limits.ts'
import { connectionsMax, descriptorsKept } from '../base/limits.ts'

export interface SocketBounds {
  /** Connections of either kind; beyond, they are closed as they come. */
  readonly sockets: number
  /** Those of them that may be WebSockets. */
  readonly webSockets: number
}

/** To be asked when everything else is open. */
export function socketBounds(free = freeDescriptors()): SocketBounds {
  const sockets = Math.max(2, Math.min(connectionsMax + httpConnectionsMax, free - descriptorsKept))
  const http = Math.min(httpConnectionsMax, Math.ceil(sockets / 4))
  return { sockets, webSockets: Math.min(connectionsMax, sockets - http) }
}

/** Descriptors that the process may still open; where the system does not say, any number. */
function freeDescriptors(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? []
    return soft === undefined ? Infinity : Number(soft) - readdirSync('/proc/self/fd').length
  } catch {
    return Infinity
  }
}
