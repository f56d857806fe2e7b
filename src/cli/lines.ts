/**
 * Lines of UTF-8 text from a stream of bytes.
 */
import { isUtf8 } from 'node:buffer'
import { MillraceError } from '../base/errors.ts'

/** Bytes of one line; an event of the largest size, with every character escaped, fits. */
const lineBytesMax = 1024 * 1024

const lineFeed = 0x0a

/**
 * The lines of a stream without their ends, `\n` or `\r\n`; the last one need not have an end. A
 * line that is not UTF-8 is null: what stands in it is not for this program to guess. A byte order
 * mark at the start of the stream is no part of the first line.
 *
 * @throws {@link MillraceError} `REQUEST_INVALID` when a line is longer than 1 MiB.
 */
export async function* readLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<string | null> {
  // Parts of a line whose end is still to come; joined once, however small the chunks are.
  let parts: Uint8Array[] = []
  let bytes = 0
  let isFirst = true
  for await (const chunk of input) {
    let start = 0
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      parts.push(chunk.subarray(start, end))
      yield textOf(parts, isFirst)
      isFirst = false
      parts = []
      bytes = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > lineBytesMax) {
      throw new MillraceError('REQUEST_INVALID', {
        path: 'input',
        reason: `a line is longer than ${lineBytesMax} bytes`,
      })
    }
  }
  if (bytes > 0) yield textOf(parts, isFirst)
}

function textOf(parts: readonly Uint8Array[], isFirst: boolean): string | null {
  const bytes = Buffer.concat(parts)
  if (!isUtf8(bytes)) return null
  const text = bytes.toString()
  const from = isFirst && text.startsWith('\ufeff') ? 1 : 0
  return text.slice(from, text.endsWith('\r') ? -1 : text.length)
}
