/**
 * The look at raw msgpack before anything is decoded: five bytes can ask a decoder for 240 MB.
 *
 * After it, the value is whole, its depth and number of values are within bounds, no container
 * claims more than the bytes that follow, and every string is plain UTF-8. What keys and extensions
 * it holds is for the decoder to check.
 */
import { isUtf8 } from 'node:buffer'
import { MillraceError } from '../base/errors.ts'
import { eventBytesMax, eventDepthMax, eventNodesMax } from '../base/limits.ts'

/** What one message may hold. */
export interface MsgpackLimits {
  /** Nesting, the outermost container counted as 1; at most 32. */
  readonly depthMax: number
  /** Values of any kind: keys, containers and what is in them. */
  readonly nodesMax: number
  /** Bytes of one string or binary. */
  readonly bytesMax: number
}

/** The limits of one event. */
export const eventMsgpackLimits: MsgpackLimits = {
  depthMax: eventDepthMax,
  nodesMax: eventNodesMax,
  bytesMax: eventBytesMax,
}

const remaining = new Int32Array(33)

/**
 * Walks the structure of the value at `bytes[start]` without allocating: depth and number of values
 * within the limits, no container larger than what is left, every string plain UTF-8.
 *
 * @returns the offset behind the value.
 * @throws MillraceError `EVENT_DECODE`
 * @remarks
 * Cost: O(values + string bytes). Thread: any.
 */
export function skim(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: MsgpackLimits = eventMsgpackLimits,
): number {
  let at = start
  let depth = 0
  let nodes = 0
  remaining[0] = 1
  for (;;) {
    while (remaining[depth] === 0) {
      if (depth === 0) return at
      depth -= 1
    }
    if (at >= end) throw refused('truncated')
    if (++nodes > limits.nodesMax) throw refused(`more than ${limits.nodesMax} values`)
    remaining[depth]! -= 1
    const head = bytes[at++]!
    if (head < 0x80 || head >= 0xe0) continue
    const form = forms[head]!
    const lengthBytes = form & 7
    let size = form >> 8
    if (lengthBytes > 0) {
      if (end - at < lengthBytes) throw refused('truncated')
      size += lengthAt(bytes, at, lengthBytes)
      at += lengthBytes
    }
    switch (form & formMask) {
      case containerForm: {
        // Every value in it takes a byte at least.
        if (size > end - at) throw refused('a container is longer than the bytes that follow')
        if (depth === limits.depthMax) throw refused(`nested deeper than ${limits.depthMax}`)
        remaining[++depth] = size
        break
      }
      case mapForm: {
        if (size * 2 > end - at) throw refused('a container is longer than the bytes that follow')
        if (depth === limits.depthMax) throw refused(`nested deeper than ${limits.depthMax}`)
        remaining[++depth] = size * 2
        break
      }
      case stringForm:
        if (size > end - at) throw refused('truncated')
        if (!isPlainUtf8(bytes, at, at + size)) {
          throw refused('a string is not UTF-8, or begins with a byte order mark')
        }
        at += size
        break
      case opaqueForm:
        if (size > end - at) throw refused('truncated')
        at += size
        break
      default:
        throw refused(`byte 0x${head.toString(16)} is not allowed`)
    }
  }
}

// The form of a value by its first byte: what it is, how many bytes of length follow (0, 1, 2 or
// 4), and its size as far as the first byte tells: that of a fix form or of a number.
const formMask = 0xf0
const opaqueForm = 0x10
const stringForm = 0x20
const containerForm = 0x30
const mapForm = 0x40

const forms: Int32Array = Int32Array.from({ length: 256 }, (_, head) => {
  if (head >= 0x80 && head < 0x90) return form(mapForm, 0, head & 0x0f)
  if (head >= 0x90 && head < 0xa0) return form(containerForm, 0, head & 0x0f)
  if (head >= 0xa0 && head < 0xc0) return form(stringForm, 0, head & 0x1f)
  return 0
})
for (const head of [0xc0, 0xc2, 0xc3]) forms[head] = form(opaqueForm, 0, 0)
for (const [n, bytes] of [1, 2, 4].entries()) {
  forms[0xc4 + n] = form(opaqueForm, bytes, 0)
  forms[0xd9 + n] = form(stringForm, bytes, 0)
}
for (const [n, bytes] of [2, 4].entries()) {
  forms[0xdc + n] = form(containerForm, bytes, 0)
  forms[0xde + n] = form(mapForm, bytes, 0)
}
for (const [n, bytes] of [4, 8, 1, 2, 4, 8, 1, 2, 4, 8].entries()) {
  forms[0xca + n] = form(opaqueForm, 0, bytes)
}
// Extensions: one byte of type before the data. Those with a 32-bit length stay refused, like 0xc1.
for (const [n, bytes] of [1, 2, 4, 8, 16].entries())
  forms[0xd4 + n] = form(opaqueForm, 0, bytes + 1)
forms[0xc7] = form(opaqueForm, 1, 1)
forms[0xc8] = form(opaqueForm, 2, 1)

function form(kind: number, lengthBytes: number, size: number): number {
  return kind | lengthBytes | (size << 8)
}

function lengthAt(bytes: Uint8Array, at: number, lengthBytes: number): number {
  let length = 0
  for (let i = 0; i < lengthBytes; i++) length = length * 256 + bytes[at + i]!
  return length
}

/** Well-formed, and without a byte order mark, which decoders keep in some strings only. */
function isPlainUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let seen = 0
  for (let i = start; i < end; i++) seen |= bytes[i]!
  if (seen < 0x80) return true
  if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf) return false
  return isUtf8(bytes.subarray(start, end))
}

/** What every codec of the dialect throws; `reason` holds no value of the input. */
export function refused(reason: string, cause?: unknown): MillraceError {
  return new MillraceError('EVENT_DECODE', { reason }, cause === undefined ? {} : { cause })
}
