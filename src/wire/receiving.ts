/**
 * What a WebSocket holds of a message that has not come whole.
 *
 * ws has no public way to ask, so this is the one place that looks inside of it; its version is
 * fixed, and the tests of slow peers fail if another one names these differently.
 */
import type { WebSocket } from 'ws'

/** The parts of ws's receiver that are looked at. */
interface Receiver {
  /** 0 between two frames. */
  readonly _state: number
  /** Kind of the message whose fragments come; 0 between two messages. */
  readonly _fragmented: number
  /** Bytes that are not parsed yet, in chunks as they were read. */
  readonly _bufferedBytes: number
  readonly _buffers: readonly unknown[]
  /** Fragments of the message, each a part of the chunk that it came with, and their length. */
  readonly _fragments: readonly unknown[]
  readonly _messageLength: number
}

/** Memory of a chunk beside its bytes, and of one that a fragment keeps, at most. */
const chunkBytes = 512
const chunkBytesMax = 64 * 1024

/** Memory of the message that is coming, as much as it may be; 0 when none is. */
export function receivingBytes(webSocket: WebSocket): number {
  const { _receiver: receiver } = webSocket as unknown as { readonly _receiver: Receiver }
  const { _state: state, _fragmented: fragmented, _bufferedBytes: buffered } = receiver
  if (state === 0 && fragmented === 0 && buffered === 0) return 0
  const { _buffers: chunks, _fragments: fragments, _messageLength: length } = receiver
  // At least one: a frame's head may have been read, and nothing after it.
  const held = Math.max(1, buffered + length)
  return held + chunks.length * chunkBytes + fragments.length * chunkBytesMax
}
