/**
 * Reads JSON text, the parts that are asked for, and turns values into msgpack without an object
 * between: exact, where `JSON.parse` makes a double of every number.
 *
 * An integer keeps its digits up to 64 bits, unless the declared type of its place is a float: then
 * it is the nearest double, as every writer of JSON means it. Text is well-formed. A name that
 * comes twice in what becomes an event is refused by whoever decodes the event; here it is in all
 * else.
 *
 * Cost: one pass over the bytes. Thread: any.
 *
 * @see RFC 8259
 */
import { isUtf8 } from 'node:buffer'
import { MillraceError } from '../base/errors.ts'
import { jsonDepthMax } from '../base/http-limits.ts'
import { MsgpackWriter } from './msgpack-writer.ts'
import type { DataType } from './types.ts'

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const minus = 0x2d
const zero = 0x30
const openArray = 0x5b
const backslash = 0x5c
const closeArray = 0x5d
const openObject = 0x7b
const closeObject = 0x7d

/** What values of these kinds begin with. */
const heads = { object: openObject, array: openArray, text: quote, null: 0x6e } as const

const literals = [
  { text: 'true', write: (out: MsgpackWriter): void => out.bool(true) },
  { text: 'false', write: (out: MsgpackWriter): void => out.bool(false) },
  { text: 'null', write: (out: MsgpackWriter): void => out.nil() },
]

/** Digits of an integer that is exact as a number, and of one that may have 64 bits. */
const safeDigits = 15
const wideDigits = 20

export class JsonReader {
  readonly #bytes: Buffer
  #at: number
  readonly #end: number
  /** While a value is written: by depth, where the name of the member stands; -1 in an array. */
  readonly #names = new Int32Array(jsonDepthMax)
  /** The declared type of the value that is being written, as a whole. */
  #type: DataType | null = null

  /** @throws MillraceError `JSON_INVALID`, as every method where the text is not as it says. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = start
    this.#end = end
    if (!isUtf8(bytes.subarray(start, end))) throw this.#refusal('the text is not UTF-8')
  }

  /** Whether the next value is of this kind. */
  isNext(kind: keyof typeof heads): boolean {
    return this.#peek() === heads[kind]
  }

  /**
   * Reads an object, whose names are all different.
   *
   * @param member  Reads the value of one member, or skips it.
   */
  object(member: (name: string) => void): void {
    const names = new Set<string>()
    this.#expect(openObject, 'an object')
    this.#list(closeObject, () => {
      const name = this.text()
      if (names.has(name)) throw this.#refusal('a name comes twice in an object')
      names.add(name)
      this.#expect(colon, 'a colon')
      member(name)
    })
  }

  /** Reads an array. @param element  Reads one value, or skips it. */
  array(element: (place: number) => void): void {
    this.#expect(openArray, 'an array')
    this.#list(closeArray, element)
  }

  text(): string {
    const out = new MsgpackWriter(0)
    if (this.#peek() !== quote) throw this.#refusal('a string is expected')
    this.#string(out)
    return out.textAt(0)
  }

  /** The value, if it is `true` or `false`; else null, and it is skipped. */
  bool(): boolean | null {
    const out = new MsgpackWriter(0)
    this.write(out)
    const head = out.written[0]!
    return head === 0xc3 ? true : head === 0xc2 ? false : null
  }

  skip(): void {
    this.write(new MsgpackWriter(0))
  }

  /** Writes the next value as msgpack. @param type  What it is declared as, if that is known. */
  write(out: MsgpackWriter, type: DataType | null = null): void {
    this.#type = type
    this.#value(out, 0)
  }

  /** Makes sure that nothing follows. */
  end(): void {
    if (this.#peek() !== -1) throw this.#refusal('the text goes on behind its value')
  }

  #value(out: MsgpackWriter, depth: number): void {
    const head = this.#peek()
    if (head === quote) this.#string(out)
    else if (head === openObject) this.#members(out, depth)
    else if (head === openArray) this.#elements(out, depth)
    else if (head === minus || isDigit(head)) this.#number(out, depth)
    else this.#literal(out)
  }

  #members(out: MsgpackWriter, depth: number): void {
    this.#goDeeper(depth)
    const place = out.open()
    const size = this.#list(closeObject, () => {
      if (this.#peek() !== quote) throw this.#refusal('a name in quotes is expected')
      this.#names[depth] = out.length
      this.#string(out)
      this.#expect(colon, 'a colon')
      this.#value(out, depth + 1)
    })
    out.closeMap(place, size)
  }

  #elements(out: MsgpackWriter, depth: number): void {
    this.#goDeeper(depth)
    const place = out.open()
    const size = this.#list(closeArray, () => {
      this.#names[depth] = -1
      this.#value(out, depth + 1)
    })
    out.closeArray(place, size)
  }

  #goDeeper(depth: number): void {
    if (depth === jsonDepthMax) throw this.#refusal(`it nests deeper than ${jsonDepthMax}`)
    this.#at += 1
  }

  /** What stands between commas, up to the closing bracket; returns their number. */
  #list(close: number, item: (place: number) => void): number {
    if (this.#peek() === close) {
      this.#at += 1
      return 0
    }
    for (let count = 0; ;) {
      item(count)
      count += 1
      const next = this.#peek()
      if (next !== comma && next !== close) throw this.#refusal('a comma or a bracket is expected')
      this.#at += 1
      if (next === close) return count
    }
  }

  #string(out: MsgpackWriter): void {
    const bytes = this.#bytes
    const start = this.#at + 1
    let at = start
    while (at < this.#end && bytes[at] !== quote && bytes[at] !== backslash && bytes[at]! >= 0x20) {
      at += 1
    }
    this.#at = at
    if (bytes[at] === backslash && at < this.#end) return this.#escaped(out, start)
    if (bytes[at] !== quote || at >= this.#end) throw this.#refusal('a string does not end')
    this.#at = at + 1
    out.string(bytes, start, at)
  }

  #escaped(out: MsgpackWriter, start: number): void {
    let at = this.#at
    while (at < this.#end && this.#bytes[at] !== quote) at += this.#bytes[at] === backslash ? 2 : 1
    if (at >= this.#end) throw this.#refusal('a string does not end')
    let text: string
    try {
      text = JSON.parse(this.#bytes.toString('utf8', start - 1, at + 1)) as string
    } catch {
      throw this.#refusal('a string has a character or an escape that JSON does not have')
    }
    if (!text.isWellFormed()) throw this.#refusal('a string has one half of a surrogate pair')
    this.#at = at + 1
    const utf8 = Buffer.from(text)
    out.string(utf8, 0, utf8.length)
  }

  #number(out: MsgpackWriter, depth: number): void {
    const bytes = this.#bytes
    const start = this.#at
    const isNegative = bytes[start] === minus
    if (isNegative) this.#at += 1
    const first = this.#at
    let integer = 0
    if (this.#byte() === zero) this.#at += 1
    else {
      for (let byte = this.#byte(); isDigit(byte); byte = this.#byte()) {
        integer = integer * 10 + (byte - zero)
        this.#at += 1
      }
    }
    const digits = this.#at - first
    if (digits === 0) throw this.#refusal('a digit is expected')
    const hasFraction = this.#fraction()
    const isWhole = !this.#exponent() && !hasFraction
    if (isWhole && digits <= safeDigits) out.integer(isNegative ? -integer : integer)
    else {
      const text = bytes.toString('latin1', start, this.#at)
      if (isWhole && digits <= wideDigits) this.#wide(out, text, depth)
      else out.float(Number(text))
    }
  }

  /** An integer that a double may not have. */
  #wide(out: MsgpackWriter, text: string, depth: number): void {
    const integer = BigInt(text)
    const number = Number(text)
    const is64 = integer >= -(2n ** 63n) && integer < 2n ** 64n
    if (Number.isSafeInteger(number)) out.integer(number)
    else if (!is64 || this.#isFloat(out, depth)) out.float(number)
    else out.wideInteger(integer)
  }

  /** Whether the type that is declared for the place at hand is a float. */
  #isFloat(out: MsgpackWriter, depth: number): boolean {
    let type = this.#type
    for (let above = 0; above < depth && type !== null; above++) {
      const name = this.#names[above]!
      if (name === -1) type = type.kind === 'Array' ? type.element : null
      else if (type.kind === 'Map') type = type.value
      else type = fieldType(type, out.textAt(name))
    }
    return type?.kind === 'Float64' || type?.kind === 'Float32'
  }

  #fraction(): boolean {
    if (this.#byte() !== 0x2e) return false
    this.#at += 1
    this.#digits()
    return true
  }

  #exponent(): boolean {
    if ((this.#byte() | 0x20) !== 0x65) return false
    this.#at += 1
    const sign = this.#byte()
    if (sign === minus || sign === 0x2b) this.#at += 1
    this.#digits()
    return true
  }

  #digits(): void {
    if (!isDigit(this.#byte())) throw this.#refusal('a digit is expected')
    while (isDigit(this.#byte())) this.#at += 1
  }

  #literal(out: MsgpackWriter): void {
    for (const { text, write } of literals) {
      const end = this.#at + text.length
      if (end > this.#end || this.#bytes.toString('latin1', this.#at, end) !== text) continue
      this.#at = end
      write(out)
      return
    }
    throw this.#refusal('a value is expected')
  }

  #expect(byte: number, what: string): void {
    if (this.#peek() !== byte) throw this.#refusal(`${what} is expected`)
    this.#at += 1
  }

  /** The next byte that is no space; -1 at the end. */
  #peek(): number {
    for (;;) {
      const byte = this.#byte()
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte
      this.#at += 1
    }
  }

  #byte(): number {
    return this.#at < this.#end ? this.#bytes[this.#at]! : -1
  }

  #refusal(reason: string): MillraceError {
    return new MillraceError('JSON_INVALID', { offset: this.#at, reason })
  }
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte < zero + 10
}

function fieldType(type: DataType, name: string): DataType | null {
  if (type.kind !== 'Struct') return null
  return type.fields.find((field) => field.name === name)?.type ?? null
}
