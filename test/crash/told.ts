/**
 * What producers were told, found in what a daemon has written to their sockets.
 *
 * A server's WebSocket messages are not masked: behind the answer to the upgrade there are frames,
 * each a length and then so many bytes, which are a msgpack array.
 */
import { decode } from '@msgpack/msgpack'
import { descriptorOf, stringsOf, type Call } from './trace-log.ts'

/** What one producer knows. */
export interface Told {
  readonly epoch: number
  /** Highest sequence that is acknowledged. */
  upTo: number
}

interface Peer {
  bytes: Buffer
  /** Null until the answer to its request has been written. */
  isUpgraded: boolean | null
  producer: string | null
}

const [welcomeType, ackType] = [2, 4]

export class Listener {
  /** By the producer's name. */
  readonly told = new Map<string, Told>()
  readonly #peers = new Map<string, Peer>()

  /** Returns whether the call has acknowledged anything. */
  hear({ name, text, result }: Call): boolean {
    if (name !== 'write' && name !== 'writev') return false
    const descriptor = descriptorOf(text)
    if (descriptor === null || !descriptor.path.startsWith('socket:')) return false
    let peer = this.#peers.get(descriptor.path)
    if (peer === undefined) {
      peer = { bytes: Buffer.alloc(0), isUpgraded: null, producer: null }
      this.#peers.set(descriptor.path, peer)
    }
    const written = Buffer.concat(stringsOf(text)).subarray(0, result)
    peer.bytes = Buffer.concat([peer.bytes, written])
    if (peer.isUpgraded === null) {
      const end = peer.bytes.indexOf('\r\n\r\n')
      if (end < 0) return false
      peer.isUpgraded = peer.bytes.toString('latin1').startsWith('HTTP/1.1 101')
      peer.bytes = peer.bytes.subarray(end + 4)
    }
    if (!peer.isUpgraded) return false
    let isAck = false
    for (const message of messagesOf(peer)) isAck = this.#message(peer, message) || isAck
    return isAck
  }

  #message(peer: Peer, [type, ...fields]: readonly unknown[]): boolean {
    if (type === welcomeType) {
      const welcome = fields[0] as { producer: string; epoch: number; lastSeq: number }
      peer.producer = welcome.producer
      this.told.set(welcome.producer, { epoch: welcome.epoch, upTo: welcome.lastSeq })
      return false
    }
    if (type !== ackType || peer.producer === null) return false
    this.told.get(peer.producer)!.upTo = fields[0] as number
    return true
  }
}

/** The whole messages that have come, which leave the peer's bytes. */
function* messagesOf(peer: Peer): Generator<readonly unknown[]> {
  for (;;) {
    const { bytes } = peer
    if (bytes.length < 2) return
    const short = bytes[1]! & 0x7f
    const start = { 126: 4, 127: 10 }[short] ?? 2
    if (bytes.length < start) return
    // Of eight bytes, the first two are none of a length that fits into memory.
    const [at, size] = start === 10 ? [4, 6] : [2, 2]
    const end = start + (start === 2 ? short : bytes.readUIntBE(at, size))
    if (bytes.length < end) return
    peer.bytes = bytes.subarray(end)
    if ((bytes[0]! & 0x0f) === 2) yield decode(bytes.subarray(start, end)) as readonly unknown[]
  }
}
