/**
 * The redo file: everything that a commit is going to write, on disk before the store is touched.
 *
 * LMDB keeps in memory every page that a transaction changes, and does not give that memory back.
 * With keys spread by their hash that is soon all pages of the store. So a large commit is written
 * here first, whole and in one go, and then brought into the store in many small transactions. A
 * crash between them is repaired by doing all of them again: a write is a key's new value or its
 * removal, whatever was there before.
 *
 * Little-endian. File: `"MRRD", u32 format, f64 generation`, then groups: `u32 bytes, u32 CRC-32`
 * and that many bytes of writes; the last group is the header's and has the top bit of its length
 * set. A write: `u32 key bytes, u32 value bytes or all ones for a removal`, key, value.
 *
 * The file has its name only when it is complete: damage found in it later is damage.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open, rename, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { MillraceError } from '../base/errors.ts'

/** Format of the file; another one is refused. */
const redoFormat = 1
const magic = 0x4452524d
const fileHeaderBytes = 16
const groupHeaderBytes = 8
const writeHeaderBytes = 8
const lastGroup = 0x80000000
const removal = 0xffffffff
const groupBytesInitial = 64 * 1024

/** A key of the store with its new value; null removes it. */
export interface RedoWrite {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** Puts writes together into one group, in a buffer that is used again and grows. */
export class RedoGroup {
  #bytes = createBuffer()
  #at = groupHeaderBytes

  /** Bytes of the writes so far. */
  get byteLength(): number {
    return this.#at - groupHeaderBytes
  }

  /** The group as it goes into the file, valid until it is cleared. */
  seal(isLast: boolean): Uint8Array {
    const body = this.#bytes.subarray(groupHeaderBytes, this.#at)
    this.#bytes.writeUInt32LE((body.length | (isLast ? lastGroup : 0)) >>> 0, 0)
    this.#bytes.writeUInt32LE(crc32(body), 4)
    return this.#bytes.subarray(0, this.#at)
  }

  /** The writes, as views of this group. */
  writes(): RedoWrite[] {
    return parseWrites(this.#bytes.subarray(groupHeaderBytes, this.#at))
  }

  clear(): void {
    this.#at = groupHeaderBytes
    // One that was asked for much is not kept.
    if (this.#bytes.length > 16 * groupBytesInitial) this.#bytes = createBuffer()
  }

  /** The bytes, of which {@link add} says where; replaced when it makes room for more. */
  get bytes(): Buffer {
    return this.#bytes
  }

  /**
   * Makes room for one write; its key, and behind it its value, are to be filled in by the caller.
   *
   * @returns where in {@link bytes} its key begins.
   */
  add(keyBytes: number, valueBytes: number | null): number {
    const start = this.#at + writeHeaderBytes
    const end = start + keyBytes + (valueBytes ?? 0)
    this.#reserve(end)
    this.#bytes.writeUInt32LE(keyBytes, this.#at)
    this.#bytes.writeUInt32LE(valueBytes ?? removal, this.#at + 4)
    this.#at = end
    return start
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }
}

export class RedoWriter {
  readonly #path: string
  readonly #file: FileHandle

  private constructor(path: string, file: FileHandle) {
    this.#path = path
    this.#file = file
  }

  /** @param generation  Of the store once this has been brought into it. */
  static async create(path: string, generation: number): Promise<RedoWriter> {
    const file = await open(`${path}.new`, 'w', 0o600)
    const header = Buffer.alloc(fileHeaderBytes)
    header.writeUInt32LE(magic, 0)
    header.writeUInt32LE(redoFormat, 4)
    header.writeDoubleLE(generation, 8)
    await file.write(header)
    return new RedoWriter(path, file)
  }

  async append(group: Uint8Array): Promise<void> {
    for (let at = 0; at < group.length;) {
      at += (await this.#file.write(group, at, group.length - at)).bytesWritten
    }
  }

  /** Gives the file its name; it is on disk when this resolves. */
  async finish(): Promise<void> {
    await this.#file.datasync()
    await this.#file.close()
    await rename(`${this.#path}.new`, this.#path)
    const directory = await open(dirname(this.#path), 'r')
    await directory.sync()
    await directory.close()
  }

  /** Leaves the file unfinished; nobody will read it. */
  async abandon(): Promise<void> {
    await this.#file.close()
  }
}

export interface RedoReader {
  readonly generation: number
  /** The groups in order; each is valid until the one after the next is asked for. */
  groups(): Generator<readonly RedoWrite[]>
  close(): void
}

/**
 * Opens the redo file of a path; null when there is none.
 *
 * @throws MillraceError `STORE_CORRUPT`, here or while groups are read.
 */
export function openRedo(path: string): RedoReader | null {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
  const header = Buffer.alloc(fileHeaderBytes)
  const isWhole = readSync(file, header, 0, fileHeaderBytes, 0) === fileHeaderBytes
  if (!isWhole || header.readUInt32LE(0) !== magic || header.readUInt32LE(4) !== redoFormat) {
    closeSync(file)
    throw corrupt(path, 'is not a redo file of this format')
  }
  return {
    generation: header.readDoubleLE(8),
    groups: () => readGroups(path, file),
    close: () => closeSync(file),
  }
}

function createBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(groupBytesInitial)
}

function* readGroups(path: string, file: number): Generator<readonly RedoWrite[]> {
  const end = fstatSync(file).size
  const head = Buffer.alloc(groupHeaderBytes)
  // Two, in turn: the one before may still be on its way into the store.
  const buffers: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)]
  let at = fileHeaderBytes
  for (let n = 0; ; n++) {
    if (readSync(file, head, 0, groupHeaderBytes, at) < groupHeaderBytes) {
      throw corrupt(path, 'ends before its last group')
    }
    const length = head.readUInt32LE(0)
    const bytes = length & ~lastGroup
    if (at + groupHeaderBytes + bytes > end) throw corrupt(path, 'ends within a group')
    if (buffers[n & 1]!.length < bytes) buffers[n & 1] = Buffer.allocUnsafeSlow(bytes * 2)
    const body = buffers[n & 1]!.subarray(0, bytes)
    readSync(file, body, 0, bytes, at + groupHeaderBytes)
    if (crc32(body) !== head.readUInt32LE(4)) throw corrupt(path, 'CRC of a group is wrong')
    yield parseWrites(body)
    if (length >= lastGroup) return
    at += groupHeaderBytes + bytes
  }
}

function parseWrites(body: Buffer): RedoWrite[] {
  const writes: RedoWrite[] = []
  for (let at = 0; at < body.length;) {
    const start = at + writeHeaderBytes
    const middle = start + body.readUInt32LE(at)
    const valueBytes = body.readUInt32LE(at + 4)
    at = middle + (valueBytes === removal ? 0 : valueBytes)
    const value = valueBytes === removal ? null : body.subarray(middle, at)
    writes.push({ key: body.subarray(start, middle), value })
  }
  return writes
}

function corrupt(file: string, reason: string): MillraceError {
  return new MillraceError('STORE_CORRUPT', { file, reason })
}
