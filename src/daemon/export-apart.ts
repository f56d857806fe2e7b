/**
 * A process that writes into the offline log (`workers/export.ts`), as the daemon sees it.
 */
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import type { ExportTask } from '../export/run-export.ts'
import type { OfflineState } from '../export/state.ts'
import type { Loaded } from './load.ts'

export interface ExportRun {
  /** Resolves when all is written; rejects when the process ends before. */
  readonly ended: Promise<void>
  /** Ends it now. */
  kill(): void
}

/** @param told  Hears of every part that is on disk. */
export function exportApart(
  { definitionsUrl, definitions }: Loaded,
  task: ExportTask,
  told: (state: OfflineState) => void,
): ExportRun {
  const file = `../../workers/export${extname(import.meta.url)}`
  const child = fork(new URL(file, import.meta.url), {
    execArgv: [],
    // Definitions have dates, and numbers that JSON does not.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  child.stderr!.on('data', (text) => (said += String(text)))
  child.on('message', (state) => told(state as OfflineState))
  child.send({ definitionsUrl, definitions, task })
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode, signal) => {
      if (exitCode === 0) resolve()
      else reject(new Error(errorLine(said) ?? `ended by ${signal ?? `exit code ${exitCode}`}`))
    })
  })
  return { ended, kill: () => void child.kill('SIGKILL') }
}

/** The line of a stack that says what was thrown. */
function errorLine(text: string): string | undefined {
  return text.split('\n').find((line) => /\w*Error\b.*: /.test(line))
}
