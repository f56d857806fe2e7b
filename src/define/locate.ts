/**
 * Where in the user's source an error of a features module comes from.
 */
import { findSourceMap } from 'node:module'
import { fileURLToPath } from 'node:url'
import { frames } from './site.ts'

/**
 * The place of an error as `file:line:column`, as far as it is known.
 *
 * @param url  The compiled module; its source map, once the module is loaded, names the sources.
 */
export function locate(error: unknown, url: string): string {
  const sources = (findSourceMap(url)?.payload.sources ?? []).map(pathOf)
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const isSource = (place: string) => sources.some((source) => place.startsWith(`${source}:`))
  // An error that prevents the module from running has no frame; Node puts its place on line one.
  const places = [...frames(stack), stack.slice(0, stack.indexOf('\n'))]
  // The file itself comes last, after what it imports.
  return places.find(isSource) ?? sources.at(-1) ?? pathOf(url)
}

function pathOf(file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file) : file
}
