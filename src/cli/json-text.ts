/**
 * JSON that may stand in a terminal or a log: text in it came from anywhere.
 */
import { printable } from '../base/errors.ts'

/** A value as one line of JSON, escaped: `--json`. */
export function jsonText(value: unknown): string {
  return escapedJson(JSON.stringify(value))
}

/**
 * The same JSON with every character escaped that a terminal obeys or a reader does not see. JSON
 * itself escapes only those below 32; the others stand nowhere but in its strings.
 */
export function escapedJson(json: string): string {
  return printable(json, Infinity)
}
