/**
 * The few file operations a log stands on, behind an interface.
 *
 * A log's promises are about which bytes are on disk when, so the operations say exactly
 * that, and tests put a disk in their place that fails, writes short or loses power.
 *
 * Thread: main; every operation runs on libuv's pool and returns at once.
 */
import { open, readdir, unlink, type FileHandle } from 'node:fs/promises'
import { createDirectory, flushDirectory } from '../base/directories.ts'

/** An open file. Offsets and sizes are bytes. */
export interface LogFile {
  size(): Promise<number>
  /** Reads into `target` from `offset`; the number of bytes read may be smaller, 0 at the end. */
  read(target: Uint8Array, offset: number): Promise<number>
  /** Writes `chunks[1…1024]` one after another from `offset`; may write fewer bytes than asked. */
  write(chunks: readonly Uint8Array[], offset: number): Promise<number>
  /** Puts everything written, and the size, on disk (`fdatasync`). */
  flush(): Promise<void>
  /** Cuts the file; the cut is on disk when this resolves. */
  truncate(bytes: number): Promise<void>
  close(): Promise<void>
}

export interface LogFiles {
  /** Creates a directory and its parents; on disk when this resolves. */
  createDirectory(dir: string): Promise<void>
  list(dir: string): Promise<string[]>
  /** `create` fails when the file exists, the others when it does not. */
  open(path: string, mode: 'read' | 'update' | 'create'): Promise<LogFile>
  /** Removes a file; lasts once the directory is flushed. */
  remove(path: string): Promise<void>
  /** Puts creations and removals in a directory on disk (`fsync` of the directory). */
  flushDirectory(dir: string): Promise<void>
}

/** Chunks of one `writev`: `IOV_MAX` of Linux, macOS and the BSDs. */
const writeChunksMax = 1024

const flags = { read: 'r', update: 'r+', create: 'wx+' } as const

/** The machine's file system. */
export const nodeFiles: LogFiles = {
  createDirectory,
  list: (dir) => readdir(dir),
  open: async (path, mode) => nodeFile(await open(path, flags[mode])),
  remove: (path) => unlink(path),
  flushDirectory,
}

function nodeFile(handle: FileHandle): LogFile {
  return {
    size: async () => (await handle.stat()).size,
    read: async (target, offset) => (await handle.read(target, 0, target.length, offset)).bytesRead,
    write: async (chunks, offset) => (await handle.writev([...chunks], offset)).bytesWritten,
    flush: () => handle.datasync(),
    async truncate(bytes) {
      await handle.truncate(bytes)
      await handle.sync()
    },
    close: () => handle.close(),
  }
}

/**
 * Writes all of `chunks` from `offset`, in as many calls as it takes.
 *
 * @param chunks  None of them empty. The array is used up.
 */
export async function writeFully(
  file: LogFile,
  chunks: Uint8Array[],
  offset: number,
): Promise<void> {
  let first = 0
  while (first < chunks.length) {
    let written = await file.write(chunks.slice(first, first + writeChunksMax), offset)
    if (written === 0) throw new Error('no bytes were written')
    offset += written
    while (written > 0) {
      const chunk = chunks[first]!
      if (chunk.length <= written) {
        written -= chunk.length
        first += 1
      } else {
        chunks[first] = chunk.subarray(written)
        written = 0
      }
    }
  }
}

/** Reads `bytes` bytes from `offset` into a buffer of their own; shorter where the file ends. */
export async function readFully(file: LogFile, offset: number, bytes: number): Promise<Uint8Array> {
  const target = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  while (at < bytes) {
    const read = await file.read(target.subarray(at), offset + at)
    if (read === 0) break
    at += read
  }
  return target.subarray(0, at)
}
