/**
 * Inputs that broke something once, or something like it elsewhere: each is tried before the rest,
 * and is a seed of what comes after. A file holds one, as hexadecimal digits; its name begins with
 * its kind.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../helpers/repository.ts'
import type { Finding } from './finding.ts'

const folder = join(root, 'test/hostile/corpus')

/** The inputs of a kind, in the order of their names. */
export function corpusOf(kind: string): Uint8Array[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(`${kind}-`) && name.endsWith('.hex'))
    .toSorted()
    .map((name) => Buffer.from(readFileSync(join(folder, name), 'utf8').replace(/\s/g, ''), 'hex'))
}

/** Keeps what was found. @returns the path of its file. */
export function keep({ kind, input }: Finding): string {
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 12)
  const path = join(folder, `${kind}-found-${hash}.hex`)
  writeFileSync(path, `${Buffer.from(input).toString('hex').replace(/.{96}/g, '$&\n')}\n`)
  return path
}
