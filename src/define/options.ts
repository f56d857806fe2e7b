/**
 * Which options a defining function has, as data beside the types that say so to the compiler.
 *
 * A definition is made of its options, so that a misspelt one is a member of it which nobody reads.
 * A file that was never compiled gets it through: each member is looked for among the known ones.
 */
import type { Metadata } from '../model/catalog.ts'
import { shown } from './names.ts'
import type { Problems } from './problems.ts'

/** Every option's name: `satisfies OptionNames<Options>` finds one that is missing or wrong. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>

export const metadataOptions = {
  description: true,
  owner: true,
  tags: true,
} as const satisfies OptionNames<Metadata>

interface Checked {
  /** The function that has the options. */
  readonly of: string
  readonly known: Readonly<Record<string, true>>
  /** What the function itself puts beside them; `kind` is always. */
  readonly own?: readonly string[]
  readonly path: string
}

/** Adds a problem for each member that is not an option. */
export function checkOptions(
  options: object,
  { of, known, own = [], path }: Checked,
  problems: Problems,
  ...sites: readonly unknown[]
): void {
  for (const name of Object.keys(options)) {
    if (name === 'kind' || own.includes(name) || Object.hasOwn(known, name)) continue
    const names = Object.keys(known).join(', ')
    problems.add(path, `${shown(name)} is not an option of ${of}; they are ${names}`, ...sites)
  }
}
