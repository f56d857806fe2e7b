/**
 * Work in a process of its own beside the daemon: its memory, its processor and its faults are not
 * the daemon's. It ends by itself, or when the daemon does.
 */
import { fork } from 'node:child_process'
import { extname } from 'node:path'

export interface ApartRun {
  /** Resolves when the work is done; rejects when the process ends before. */
  readonly ended: Promise<void>
  send(message: object): void
  /** Ends it now. */
  kill(): void
}

/**
 * @param worker  Name of its entry in `workers/`.
 * @param task  The first message to it.
 * @param told  Hears of every message from it.
 */
export function runApart(worker: string, task: object, told: (message: unknown) => void): ApartRun {
  const file = `../../workers/${worker}${extname(import.meta.url)}`
  const child = fork(new URL(file, import.meta.url), {
    execArgv: [],
    // Definitions have dates, values have integers and maps that JSON does not.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  child.stderr!.on('data', (text) => (said += String(text)))
  child.on('message', (message) => told(message))
  child.send(task)
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode, signal) => {
      if (exitCode === 0) resolve()
      else reject(new Error(errorLine(said) ?? `ended by ${signal ?? `exit code ${exitCode}`}`))
    })
  })
  const send = (message: object): void => {
    if (child.connected) child.send(message)
  }
  return { ended, send, kill: () => void child.kill('SIGKILL') }
}

/** The line of a stack that says what was thrown. */
function errorLine(text: string): string | undefined {
  return text.split('\n').find((line) => /\w*Error\b.*: /.test(line))
}
