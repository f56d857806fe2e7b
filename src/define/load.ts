/**
 * Loads a features file: TypeScript as a user wrote it → the values that it exports.
 *
 * The main thread compiles the file once into one module; then the main thread and every shard
 * thread import that module. A bare `millrace` in it means this very package, so that definitions
 * and the code that reads them are the same copy. Errors point into the user's file.
 *
 * Types are stripped, not checked: that is for the user's editor and `tsc`. What matters of them is
 * checked again by `define/catalog.ts`.
 */
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { dirname, join, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BuildFailure, Message, Plugin } from 'esbuild'
import { MillraceError, reasonOf } from '../base/errors.ts'
import { locate } from './locate.ts'

/**
 * Compiles a features file and what it imports by relative path into one ES module.
 *
 * Packages are not compiled in: they are imported from where the user's file finds them.
 *
 * @param file  A `.ts`, `.mts`, `.js` or `.mjs` file.
 * @param outDir  Where `features-<hash>.mjs` is written; made if missing.
 * @returns the `file:` URL of the module; the same for the same sources.
 * @throws {@link MillraceError} `DEFINITION_LOAD` with `file:line:column` of the first error.
 */
export async function compileFeatures(file: string, outDir: string): Promise<string> {
  const entry = resolve(file)
  const bundle = await bundleOf(entry, resolve(outDir))
  const hash = createHash('sha256').update(bundle).digest('hex').slice(0, 16)
  const path = join(resolve(outDir), `features-${hash}.mjs`)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bundle)
  return pathToFileURL(path).href
}

/**
 * Imports a compiled features module.
 *
 * @param url  What {@link compileFeatures} returned.
 * @returns the exported values, for `buildCatalog`.
 * @throws {@link MillraceError} `DEFINITION_LOAD` with the place of the first frame of the user's
 * source, and the error as its `cause`.
 * @remarks Thread: any; in every thread the module is evaluated once.
 */
export async function importFeatures(url: string): Promise<readonly unknown[]> {
  process.setSourceMapsEnabled(true)
  try {
    return Object.values((await import(url)) as Record<string, unknown>)
  } catch (error) {
    const details = { file: locate(error, url), reason: reasonOf(error) }
    throw new MillraceError('DEFINITION_LOAD', details, { cause: error })
  }
}

async function bundleOf(entry: string, outDir: string): Promise<Uint8Array> {
  // Here and not above: the shard threads import modules, and compile none.
  const { build } = await import('esbuild')
  try {
    const { outputFiles, warnings } = await build({
      entryPoints: [entry],
      outfile: join(outDir, 'features.mjs'),
      write: false,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      sourcemap: 'inline',
      charset: 'utf8',
      logLevel: 'silent',
      // In the module, the URL would be the module's own.
      define: { 'import.meta.url': JSON.stringify(pathToFileURL(entry).href) },
      plugins: [packagesFromUser],
    })
    const lost = warnings.find(({ id }) => lossy.includes(id))
    if (lost !== undefined) throw loadError(entry, lost)
    return outputFiles[0]!.contents
  } catch (error) {
    throw buildError(entry, error)
  }
}

/** Of a member that is written twice, the last wins: JavaScript says nothing, and one is lost. */
const lossy: readonly string[] = ['duplicate-object-key', 'duplicate-class-member']

/** Leaves packages out of the module and makes their names absolute. */
const packagesFromUser: Plugin = {
  name: 'packages-from-user',
  setup(build) {
    const resolved = Symbol('resolved')
    build.onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, ...rest }) => {
      if (rest.kind === 'entry-point' || pluginData === resolved || isBuiltin(path)) return null
      if (path === 'millrace') {
        return { path: new URL('../index.js', import.meta.url).href, external: true }
      }
      const { resolveDir, importer, kind } = rest
      const found = await build.resolve(path, { resolveDir, importer, kind, pluginData: resolved })
      if (found.errors.length > 0 || found.external) return found
      // A path alias or a subpath import is the user's own source.
      if (!found.path.includes(`${sep}node_modules${sep}`)) return found
      return { path: pathToFileURL(found.path).href, external: true }
    })
  },
}

function buildError(entry: string, error: unknown): MillraceError {
  if (error instanceof MillraceError) return error
  const first = (error as Partial<BuildFailure>).errors?.[0]
  if (first !== undefined) return loadError(entry, first, error)
  const details = { file: entry, reason: reasonOf(error) }
  return new MillraceError('DEFINITION_LOAD', details, { cause: error })
}

function loadError(entry: string, { location, text }: Message, cause?: unknown): MillraceError {
  // Columns of esbuild begin at 0, its lines at 1.
  const file =
    location === null ? entry : `${resolve(location.file)}:${location.line}:${location.column + 1}`
  return new MillraceError('DEFINITION_LOAD', { file, reason: text }, { cause })
}
