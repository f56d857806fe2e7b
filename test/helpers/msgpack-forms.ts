/**
 * Msgpack in every wire form, for tests: an encoder writes only the shortest one.
 */

/** Bytes from parts: numbers are bytes, strings their UTF-8. */
export function bytesOf(...parts: (number | string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part))),
  )
}

/** A string with a length field of 0 (fixstr), 1, 2 or 4 bytes; longer where it does not fit. */
export function stringForm(text: string | Uint8Array, lengthBytes: number): Buffer {
  const bytes = Buffer.from(text)
  const { length } = bytes
  if (lengthBytes === 0 && length < 32) return bytesOf(0xa0 + length, bytes)
  if (lengthBytes <= 1 && length < 256) return bytesOf(0xd9, length, bytes)
  if (lengthBytes <= 2) return bytesOf(0xda, length >> 8, length & 255, bytes)
  return bytesOf(0xdb, 0, length >> 16, (length >> 8) & 255, length & 255, bytes)
}

/** All forms that can hold an integer between -2⁶³ and 2⁶⁴ - 1. */
export function intForms(value: bigint): Buffer[] {
  const forms: Buffer[] = []
  if (value >= -32n && value < 128n) forms.push(bytesOf(Number(value) & 255))
  for (const [step, bits] of [8, 16, 32, 64].entries()) {
    if (BigInt.asUintN(bits, value) === value) forms.push(wide(0xcc + step, value, bits))
    if (BigInt.asIntN(bits, value) === value) forms.push(wide(0xd0 + step, value, bits))
  }
  return forms
}

function wide(head: number, value: bigint, bits: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = head
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value << BigInt(64 - bits)), 1)
  return bytes.subarray(0, 1 + bits / 8)
}

/** A map of fields that are already encoded; `count` may lie. */
export function mapOf(
  fields: readonly (readonly [name: Uint8Array, value: Uint8Array])[],
  count = fields.length,
): Buffer {
  const head = count < 16 ? bytesOf(0x80 + count) : bytesOf(0xde, count >> 8, count & 255)
  return Buffer.concat([head, ...fields.flat()])
}

/** The payload of a batch: a msgpack array of bins. */
export function payloadOf(events: readonly Uint8Array[]): Buffer {
  const { length } = events
  return Buffer.concat([
    length < 16 ? bytesOf(0x90 + length) : bytesOf(0xdc, length >> 8, length & 255),
    ...events.flatMap((event) => [binHeader(event.length), event]),
  ])
}

function binHeader(length: number): Buffer {
  if (length < 256) return bytesOf(0xc4, length)
  if (length < 65536) return bytesOf(0xc5, length >> 8, length & 255)
  return bytesOf(0xc6, 0, length >> 16, (length >> 8) & 255, length & 255)
}
