/**
 * The log of `strace` as a list of what a process did to its files and told its peers.
 *
 * A line is a call: `PID name(arguments) = result`. One during which others come is in two:
 * `PID name(arguments <unfinished ...>` and `PID <... name resumed>arguments) = result`. Strings
 * are in hex, and a descriptor has behind it what it stands for, `7<\x2f\x74…>`. Calls are listed
 * as they return, each with the place where it began.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

export interface Call {
  readonly name: string
  /** As `strace` writes them. */
  readonly text: string
  readonly result: number
  /** Lines at which it began and returned. */
  readonly begin: number
  readonly end: number
}

/** Calls in the order in which they returned; those that failed are left out. */
export async function* readCalls(log: string): AsyncGenerator<Call> {
  const begun = new Map<string, { readonly text: string; readonly line: number }>()
  let line = 0
  for await (const row of createInterface({ input: createReadStream(log), crlfDelay: Infinity })) {
    line += 1
    const space = row.indexOf(' ')
    const thread = row.slice(0, space)
    let text = row.slice(space).trimStart()
    let begin = line
    if (text.endsWith(' <unfinished ...>')) {
      begun.set(thread, { text: text.slice(0, -' <unfinished ...>'.length), line })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(text)
    if (resumed !== null) {
      const first = begun.get(thread)
      begun.delete(thread)
      if (first === undefined) continue
      text = first.text + text.slice(resumed[0].length)
      begin = first.line
    }
    const open = text.indexOf('(')
    const close = text.lastIndexOf(') ')
    const result = /= (\d+)/.exec(text.slice(close))?.[1]
    if (open <= 0 || close < open || result === undefined) continue
    const name = text.slice(0, open)
    yield { name, text: text.slice(open + 1, close), result: Number(result), begin, end: line }
  }
}

/** What the first descriptor of a call stands for, and its number; null where there is none. */
export function descriptorOf(text: string): { readonly fd: number; readonly path: string } | null {
  const match = /^(\d+)<((?:\\x[\da-f]{2})*)>(\(deleted\))?/.exec(text)
  if (match === null) return null
  const deleted = match[3] === undefined ? '' : ' (deleted)'
  return { fd: Number(match[1]), path: bytesOf(match[2]!).toString() + deleted }
}

/** The strings of a call's arguments, one behind the other; of vectors, those of each part. */
export function stringsOf(text: string): Buffer[] {
  return [...text.matchAll(/"((?:\\x[\da-f]{2})*)"/g)].map(([, hex]) => bytesOf(hex!))
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex')
}

/** The number that ends the arguments: an offset or a length. */
export function lastNumberOf(text: string): number {
  return Number(/(\d+)$/.exec(text)![1])
}
