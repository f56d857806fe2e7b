/**
 * What is done with a shard's store in a process of its own, which damage may end.
 */
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import type { ShardInspection } from '../shard/inspect.ts'

/** What the process has sent, or why it has not. */
type Told<T> = { readonly sent: T } | { readonly ended: string }

/**
 * Inspects the store in a directory.
 *
 * @param isWhole  Whether all values are read.
 * @returns what was found, null when there is no store; why it cannot be looked through.
 */
export async function inspectApart(
  path: string,
  isWhole: boolean,
): Promise<ShardInspection | string | null> {
  const depth = isWhole ? 'whole' : 'start'
  const told = await runApart<ShardInspection | null>('inspect', [path, depth])
  return 'sent' in told ? told.sent : told.ended
}

/** Copies the store in a directory to a new one; why that was not possible, or null. */
export async function snapshotApart(path: string, to: string): Promise<string | null> {
  const told = await runApart<string | null>('snapshot', [path, to])
  return 'sent' in told ? told.sent : told.ended
}

function runApart<T>(worker: string, args: readonly string[]): Promise<Told<T>> {
  const file = `../../workers/${worker}${extname(import.meta.url)}`
  const child = fork(new URL(file, import.meta.url), args, {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let told: Told<T> | null = null
  let said = ''
  child.on('message', (message) => (told = { sent: message as T }))
  child.stderr!.on('data', (text) => (said += String(text)))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode, signal) => {
      const how = signal ?? firstLine(said) ?? `exit code ${exitCode}`
      resolve(told ?? { ended: `whoever reads it is ended by ${how}` })
    })
  })
}

function firstLine(text: string): string | undefined {
  return text.split('\n').find((line) => /\w*Error: /.test(line))
}
