/**
 * The redo file: everything that a commit is going to write, on disk before the store is touched.
 *
 * LMDB keeps in memory every page that a transaction changes, and does not give that memory back.
 * With keys spread by their hash that is soon all pages of the store. So a large commit is written
 * here first, whole and in one go, and then brought into the store in many small transactions. A
 * crash between them is repaired by doing all of them again: a write is a key's new value or its
 * removal, whatever was there before.
 *
 * Little-endian. File: `"MRRD", u32 format, f64 generation, u32 CRC-32` of the bytes before it,
 * then groups: `u32 bytes, u32 CRC-32` and that many bytes of writes; the last group is the
 * header's and has the top bit of its length set. A write: `u32 key bytes, u32 value bytes or all
 * ones for a removal`, key, value. The CRC of a group is of its length and its writes, and starts
 * from the one before it, the first from the file's: so every byte counts, and the order and number
 * of groups.
 *
 * The file has its name only when it is complete: damage found in it later is damage.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { open, rename, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { flushDirectory } from '../base/directories.ts'
import { MillraceError } from '../base/errors.ts'

/** Format of the file; another one is refused. */
export const redoFormat = 2
const magic = 0x4452524d
const fileHeaderBytes = 20
const fileCrcAt = 16
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

  /** The group as it goes into the file behind the CRC `before`, valid until it is cleared. */
  seal(before: number, isLast: boolean): { readonly bytes: Uint8Array; readonly crc: number } {
    const bytes = this.#bytes.subarray(0, this.#at)
    bytes.writeUInt32LE((this.byteLength | (isLast ? lastGroup : 0)) >>> 0, 0)
    const crc = groupCrc(bytes, bytes.subarray(groupHeaderBytes), before)
    bytes.writeUInt32LE(crc, 4)
    return { bytes, crc }
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
  /** Of what was appended last. */
  #crc: number

  private constructor(path: string, file: FileHandle, crc: number) {
    this.#path = path
    this.#file = file
    this.#crc = crc
  }

  /** @param generation  Of the store once this has been brought into it. */
  static async create(path: string, generation: number): Promise<RedoWriter> {
    const file = await open(`${path}.new`, 'w', 0o600)
    const header = Buffer.alloc(fileHeaderBytes)
    header.writeUInt32LE(magic, 0)
    header.writeUInt32LE(redoFormat, 4)
    header.writeDoubleLE(generation, 8)
    const crc = crc32(header.subarray(0, fileCrcAt))
    header.writeUInt32LE(crc, fileCrcAt)
    const writer = new RedoWriter(path, file, crc)
    await writer.#write(header)
    return writer
  }

  /** Appends a group, which must not change until this resolves; one at a time. */
  append(group: RedoGroup, { isLast }: { readonly isLast: boolean }): Promise<void> {
    const { bytes, crc } = group.seal(this.#crc, isLast)
    this.#crc = crc
    return this.#write(bytes)
  }

  /** Gives the file its name; it is on disk when this resolves. */
  async finish(): Promise<void> {
    await this.#file.datasync()
    await this.#file.close()
    await rename(`${this.#path}.new`, this.#path)
    await flushDirectory(dirname(this.#path))
  }

  /** Leaves the file unfinished; nobody will read it. */
  async abandon(): Promise<void> {
    await this.#file.close()
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += (await this.#file.write(bytes, at, bytes.length - at)).bytesWritten
    }
  }
}

/** Writes that were put together, as they are read. */
export interface RedoPart {
  readonly writes: readonly RedoWrite[]
  /** Of the file. */
  readonly isLast: boolean
}

export interface RedoReader {
  readonly generation: number
  /** Reads all of it, so that damage is found before any of it is brought in. */
  check(): void
  /** The groups in order; each is valid until the one after the next is asked for. */
  groups(): Generator<RedoPart>
  close(): void
}

/**
 * Opens the redo file of a path; null when there is none.
 *
 * @throws MillraceError `STORE_FORMAT`; `STORE_CORRUPT`, here or while groups are read.
 */
export function openRedo(path: string): RedoReader | null {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw thrown
  }
  try {
    const { generation, crc } = readHeader(path, file)
    const groups = (): Generator<RedoPart> => readGroups(path, file, crc)
    return {
      generation,
      check: () => {
        for (const walk = groups(); walk.next().done !== true;);
      },
      groups,
      close: () => closeSync(file),
    }
  } catch (thrown) {
    closeSync(file)
    throw thrown
  }
}

/** Number of the commit in a redo file, once all of it is known to be whole; 0 without one. */
export function generationOfRedo(path: string): number {
  const redo = openRedo(path)
  if (redo === null) return 0
  try {
    redo.check()
    return redo.generation
  } finally {
    redo.close()
  }
}

function readHeader(path: string, file: number): { generation: number; crc: number } {
  const header = Buffer.alloc(fileHeaderBytes)
  const isWhole = readSync(file, header, 0, fileHeaderBytes, 0) === fileHeaderBytes
  const crc = crc32(header.subarray(0, fileCrcAt))
  if (!isWhole || header.readUInt32LE(0) !== magic || header.readUInt32LE(fileCrcAt) !== crc) {
    throw corrupt(path, 'its header is damaged')
  }
  const found = header.readUInt32LE(4)
  if (found !== redoFormat) {
    throw new MillraceError('STORE_FORMAT', { found, expected: redoFormat })
  }
  return { generation: header.readDoubleLE(8), crc }
}

function createBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(groupBytesInitial)
}

function* readGroups(path: string, file: number, fileCrc: number): Generator<RedoPart> {
  const end = fstatSync(file).size
  const head = Buffer.alloc(groupHeaderBytes)
  // Two, in turn: the one before may still be on its way into the store.
  const buffers: [Buffer, Buffer] = [Buffer.alloc(0), Buffer.alloc(0)]
  let at = fileHeaderBytes
  let crc = fileCrc
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
    crc = groupCrc(head, body, crc)
    if (crc !== head.readUInt32LE(4)) throw corrupt(path, 'CRC of a group is wrong')
    at += groupHeaderBytes + bytes
    const isLast = length >= lastGroup
    if (isLast && at < end) throw corrupt(path, 'goes on behind its last group')
    yield { writes: parseWrites(body), isLast }
    if (isLast) return
  }
}

/** @param head  Of the group, of which only the length counts. */
function groupCrc(head: Uint8Array, body: Uint8Array, before: number): number {
  return crc32(body, crc32(head.subarray(0, 4), before))
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
