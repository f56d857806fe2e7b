/**
 * Commands by which a machine is made worse than it is.
 */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Rejects with what the command said when it has failed. */
export async function command(line: string): Promise<void> {
  const [program, ...args] = words(line)
  await run(program!, args)
}

/** Whether a command does what it should, without leaving a trace. */
export function works(line: string): boolean {
  const [program, ...args] = words(line)
  return spawnSync(program!, args).status === 0
}

/** Words stand between spaces; those between apostrophes are one. */
function words(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|[^' ]+/g), ([word, quoted]) => quoted ?? word)
}
