/**
 * The TypeScript examples of a Markdown page.
 */

export interface CodeBlock {
  /** Line of the page on which the code begins, from 1. */
  readonly line: number
  /** The file name after `ts`, by which other blocks of the page import it. */
  readonly name: string | null
  readonly code: string
}

/** The fenced `ts` blocks of a page, in order, without those marked `ts ignore`. */
export function codeBlocks(text: string): CodeBlock[] {
  return [...text.matchAll(/^```ts(?: (\S+))?\n([^]*?)^```$/gm)]
    .filter(([, name]) => name !== 'ignore')
    .map(({ 0: whole, 1: name, 2: code, index }) => ({
      line: text.slice(0, index + whole.indexOf('\n') + 1).split('\n').length,
      name: name ?? null,
      code: code!,
    }))
}
