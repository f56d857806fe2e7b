/**
 * Looks through a shard's store in a process of its own, which damage may end.
 */
import { fork } from 'node:child_process'
import { extname } from 'node:path'
import type { ShardInspection } from '../shard/inspect.ts'

const workerUrl = new URL(`../../workers/inspect${extname(import.meta.url)}`, import.meta.url)

/**
 * Inspects the store in a directory.
 *
 * @param isWhole  Whether all values are read.
 * @returns what was found, null when there is no store; why it cannot be looked through.
 */
export function inspectApart(
  path: string,
  isWhole: boolean,
): Promise<ShardInspection | string | null> {
  const child = fork(workerUrl, [path, isWhole ? 'whole' : 'start'], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let found: ShardInspection | null | undefined
  let said = ''
  child.on('message', (message) => (found = message as ShardInspection | null))
  child.stderr!.on('data', (text) => (said += String(text)))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode, signal) => {
      if (found !== undefined) resolve(found)
      else if (signal !== null) resolve(`whoever reads it is ended by ${signal}`)
      else resolve(`it cannot be read: ${firstLine(said) ?? `exit code ${exitCode}`}`)
    })
  })
}

function firstLine(text: string): string | undefined {
  return text.split('\n').find((line) => /\w*Error: /.test(line))
}
