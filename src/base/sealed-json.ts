/**
 * JSON that a person can read, with a CRC-32 of everything before it as the last member: any byte
 * that has changed is found. Formats to come keep that, so that they are told from damage.
 */
import { crc32 } from 'node:zlib'

/** The text of an object. */
export function sealJson(value: object): string {
  const body = JSON.stringify(value, null, 2).slice(0, -'\n}'.length)
  return `${body},\n  "crc": "${crcOf(body)}"\n}\n`
}

/** The object without its CRC; null when the text is not what was written. */
export function unsealJson(text: string): unknown {
  const [, body, crc] = /^(.*),\n {2}"crc": "([0-9a-f]{8})"\n\}\n$/s.exec(text) ?? []
  return body !== undefined && crc === crcOf(body) ? JSON.parse(`${body}\n}`) : null
}

function crcOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
