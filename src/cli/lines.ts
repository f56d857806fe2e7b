/**
 * Lines of UTF-8 text from a stream of bytes.
 */
import { MillraceError } from '../base/errors.ts'

/** Characters of one line; an event of the largest size, with every character escaped, fits. */
const lineLengthMax = 1024 * 1024

/**
 * The lines of a stream without their ends, `\n` or `\r\n`; the last one need not have an end.
 *
 * @throws {@link MillraceError} `REQUEST_INVALID` when a line is longer than 1 Mi characters.
 */
export async function* readLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  // Parts of a line whose end is still to come; joined once, however small the chunks are.
  let parts: string[] = []
  let length = 0
  for await (const chunk of input) {
    const [first, ...lines] = decoder.decode(chunk, { stream: true }).split('\n') as [
      string,
      ...string[],
    ]
    parts.push(first)
    length += first.length
    for (const next of lines) {
      yield withoutReturn(parts.join(''))
      parts = [next]
      length = next.length
    }
    if (length > lineLengthMax) {
      throw new MillraceError('REQUEST_INVALID', {
        path: 'input',
        reason: `a line is longer than ${lineLengthMax} characters`,
      })
    }
  }
  const last = parts.join('') + decoder.decode()
  if (last !== '') yield withoutReturn(last)
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}
