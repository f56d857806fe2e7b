/**
 * How a daemon ends whose disk has failed.
 */
import assert from 'node:assert/strict'
import { exitCodes } from '../../src/cli/exit-codes.ts'
import type { Ending } from '../helpers/served.ts'

/** Of a heap that is not as it should be. */
const signals: readonly (NodeJS.Signals | null)[] = ['SIGABRT', 'SIGSEGV']

/**
 * It says that it has failed. Where LMDB could not write a page, memory may be gone before that:
 * lmdb 3.5.6 writes its report, of 100 characters and more, into 100 bytes.
 */
export function assertFailStop({ exitCode, signal, said }: Ending, what: string): void {
  if (signals.includes(signal) && said.includes('Write error: ')) return
  assert.equal(exitCode, exitCodes.internal, `${what}: ${signal}, ${said}`)
}
