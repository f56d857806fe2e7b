/**
 * The project's own files, for the tests that read them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** One text file; `path` is relative to the root, with `/` between its parts. */
export interface TextFile {
  readonly path: string
  readonly text: string
}

/** The folder of `package.json`, wherever the compiled test stands below it. */
export const root = findRoot(import.meta.dirname)

const generated = new Set(['node_modules', 'dist', 'coverage', 'data'])
const hidden = new Set(['.ci', '.github', '.npmrc', '.editorconfig', '.gitignore'])
const textual = /\.(ts|js|json|md|yml|yaml|html|css|txt|service)$|\/run$|(^|\/)\.[a-z]+$|LICENSE$/

/** Every text file that belongs to the project, what is generated left out. */
export function projectFiles(): TextFile[] {
  return paths('')
    .filter((path) => textual.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

function paths(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (generated.has(entry.name)) return []
    if (entry.name.startsWith('.') && !hidden.has(entry.name)) return []
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    return entry.isDirectory() ? paths(path) : [path]
  })
}

function findRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(dirname(folder))
}
