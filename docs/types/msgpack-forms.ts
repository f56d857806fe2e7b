/**
 * Msgpack in every encoding that holds a value, byte by byte.
 *
 * An encoder writes the shortest encoding only, and none that is wrong; producers in other
 * languages write others. The bytes are made by hand, so that no codec is checked by itself.
 *
 * @see github.com/msgpack/msgpack/blob/master/spec.md
 */

/** Bytes from parts: numbers are bytes, strings their UTF-8. */
export function bytesOf(...parts: readonly (number | string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part))),
  )
}

/** An integer from -2⁶³ to 2⁶⁴ − 1, the shortest encoding first. */
export function intForms(value: bigint): Uint8Array[] {
  const forms: Uint8Array[] = []
  if (value >= -32n && value < 128n) forms.push(bytesOf(Number(value) & 0xff))
  for (const [n, bytes] of [1, 2, 4, 8].entries()) {
    const isUnsigned = BigInt.asUintN(8 * bytes, value) === value
    const isSigned = BigInt.asIntN(8 * bytes, value) === value
    if (isUnsigned) forms.push(bytesOf(0xcc + n, bigEndian(value, bytes)))
    if (isSigned) forms.push(bytesOf(0xd0 + n, bigEndian(value, bytes)))
  }
  return forms
}

/** A float of 64 bits, and one of 32 where that holds the same number. */
export function floatForms(value: number): Uint8Array[] {
  const double = Buffer.alloc(8)
  double.writeDoubleBE(value)
  const forms = [bytesOf(0xcb, double)]
  if (Object.is(Math.fround(value), value)) forms.push(singleForm(value))
  return forms
}

/** A float of 32 bits; the number is rounded to it. */
export function singleForm(value: number): Uint8Array {
  const single = Buffer.alloc(4)
  single.writeFloatBE(value)
  return bytesOf(0xca, single)
}

/** A string; bytes need not be UTF-8. */
export function textForms(text: string | Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(text)
  const forms = [0xd9, 0xda, 0xdb].flatMap((head, n) => sized(head, 2 ** n, bytes.length, bytes))
  return bytes.length < 32 ? [bytesOf(0xa0 | bytes.length, bytes), ...forms] : forms
}

export function binaryForms(bytes: Uint8Array): Uint8Array[] {
  return [0xc4, 0xc5, 0xc6].flatMap((head, n) => sized(head, 2 ** n, bytes.length, bytes))
}

/** An array of elements that are already encoded. */
export function arrayForms(elements: readonly Uint8Array[]): Uint8Array[] {
  return containerForms(0x90, 0xdc, elements.length, elements)
}

/** A map of keys and values that are already encoded. */
export function mapForms(entries: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array[] {
  return containerForms(0x80, 0xde, entries.length, entries.flat())
}

/** An extension of a type from -128 to 127, without those whose length takes 32 bits. */
export function extensionForms(type: number, data: Uint8Array): Uint8Array[] {
  const head = [1, 2, 4, 8, 16].indexOf(data.length)
  const body = bytesOf(type & 0xff, data)
  const forms = [0xc7, 0xc8].flatMap((head, n) => sized(head, 2 ** n, data.length, body))
  return head === -1 ? forms : [bytesOf(0xd4 + head, body), ...forms]
}

/** A moment, in each of the three lengths of the timestamp extension that hold it. */
export function timestampForms(ns: bigint): Uint8Array[] {
  const rest = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  return timestampParts((ns - rest) / 1_000_000_000n, rest)
}

/** The same of seconds and nanoseconds, which may be more than a second. */
export function timestampParts(seconds: bigint, ns: bigint): Uint8Array[] {
  const lengths = [bytesOf(bigEndian(ns, 4), bigEndian(seconds, 8))]
  if (BigInt.asUintN(34, seconds) === seconds) lengths.unshift(bigEndian((ns << 34n) | seconds, 8))
  if (ns === 0n && BigInt.asUintN(32, seconds) === seconds) lengths.unshift(bigEndian(seconds, 4))
  return lengths.flatMap((data) => extensionForms(-1, data))
}

function containerForms(
  fix: number,
  head: number,
  count: number,
  content: readonly Uint8Array[],
): Uint8Array[] {
  const body = bytesOf(...content)
  const forms = [...sized(head, 2, count, body), ...sized(head + 1, 4, count, body)]
  return count < 16 ? [bytesOf(fix | count, body), ...forms] : forms
}

/** A head, a length in so many bytes and a body; nothing where the length does not fit. */
function sized(head: number, bytes: number, length: number, body: Uint8Array): Uint8Array[] {
  return length < 2 ** (8 * bytes) ? [bytesOf(head, bigEndian(BigInt(length), bytes), body)] : []
}

function bigEndian(value: bigint, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, n) =>
    Number(BigInt.asUintN(8, value >> BigInt(8 * (bytes - 1 - n)))),
  )
}
