/**
 * Directories that are gone when their test is over.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** A new directory for one test. */
export async function temporaryDirectory(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-test-'))
  context.after(() => rm(path, { recursive: true, force: true }))
  return path
}
