/**
 * A line of JSON → the event in it, or why it is none.
 *
 * `JSON.parse` lets the last of two members with one name win. The other one would be lost without
 * a word, so such a line is refused, like a msgpack map with a key that comes twice.
 */
import { isWireMap } from '../model/convert.ts'

/** @returns the object, or the reason in a few words. */
export function parseEvent(line: string): Readonly<Record<string, unknown>> | string {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return 'not a JSON object'
  }
  if (!isWireMap(value)) return 'not a JSON object'
  return namesIn(line) === namesOf(value) ? value : 'a name comes twice in a JSON object'
}

/** Number of member names in a JSON text: strings with a colon behind them. */
function namesIn(json: string): number {
  let names = 0
  for (let at = json.indexOf('"'); at !== -1; at = json.indexOf('"', at)) {
    for (at += 1; json[at] !== '"'; at++) if (json[at] === '\\') at += 1
    at += 1
    while (json[at]! <= ' ') at += 1
    if (json[at] === ':') names += 1
  }
  return names
}

/** Number of member names in a parsed value, however deep it nests. */
function namesOf(value: unknown): number {
  let names = 0
  const left = [value]
  while (left.length > 0) {
    const one = left.pop()
    if (typeof one !== 'object' || one === null) continue
    const members: unknown[] = Object.values(one)
    if (!Array.isArray(one)) names += members.length
    for (const member of members) left.push(member)
  }
  return names
}
