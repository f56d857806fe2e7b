/**
 * Where in the user's source a definition was written.
 *
 * Each defining function marks what it returns; when the definition turns out to be wrong, the
 * error names the file, line and column of that call. The mark is kept beside the definition, not
 * in it: definitions stay plain data. A definition that came through `structuredClone` has none.
 */
import { fileURLToPath } from 'node:url'

interface Mark {
  stack?: string
}

const marks = new WeakMap<object, Mark>()

/**
 * Remembers the line that called `caller`, which made `definition`.
 *
 * The stack is only formatted when {@link siteOf} reads it, with source maps applied if enabled.
 */
export function marked<T extends object>(
  definition: T,
  caller: (...parameters: never) => unknown,
): T {
  const mark: Mark = {}
  Error.captureStackTrace(mark, caller)
  marks.set(definition, mark)
  return definition
}

/** `file:line:column` of the call that made a definition, or null when it is not known. */
export function siteOf(definition: unknown): string | null {
  return frames(marks.get(definition as object)?.stack ?? '')[0] ?? null
}

/** `file:line:column` of every frame of a stack, innermost first, without Node's own. */
export function frames(stack: string): string[] {
  const places: string[] = []
  for (const line of stack.split('\n')) {
    const match = /^\s+at (?:async |.*\()?(.+):(\d+):(\d+)\)?$/.exec(line)
    if (match === null || match[1]!.startsWith('node:')) continue
    places.push(`${pathOf(match[1]!)}:${match[2]}:${match[3]}`)
  }
  return places
}

function pathOf(file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : file
}
