/**
 * A peer as a process of its own, so that neither its heap nor its compiled code is the bench's.
 *
 * The bench starts it with one argument; it says once that it is ready, then answers questions, one
 * at a time. It is killed when the bench is done with it, and leaves by itself when the bench is
 * gone.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

const suffix = extname(import.meta.url)

export interface Child {
  /** What it said when it was ready. */
  readonly ready: unknown
  readonly pid: number
  ask(question: unknown): Promise<unknown>
  stop(): Promise<void>
}

/** @param program  A module of this folder, by its name. */
export async function startChild(program: string, argument: unknown): Promise<Child> {
  const path = fileURLToPath(new URL(`${program}${suffix}`, import.meta.url))
  const child = fork(path, [JSON.stringify(argument)])
  const kill = (): boolean => child.kill('SIGKILL')
  process.once('exit', kill)
  const exited = once(child, 'exit')
  const ended = exited.then(([code, signal]): never => {
    throw new Error(`${program} ended: ${String(code ?? signal)}`)
  })
  // Nobody may be waiting for it.
  ended.catch(() => {})
  const message = async (): Promise<unknown> => {
    const [answer] = (await Promise.race([once(child, 'message'), ended])) as [unknown]
    return answer
  }
  return {
    ready: await message(),
    pid: child.pid!,
    async ask(question) {
      const answer = message()
      child.send(question as object)
      return await answer
    },
    async stop() {
      process.off('exit', kill)
      kill()
      await exited
    },
  }
}

/** In the child: what it was started with. */
export function childArgument(): unknown {
  return JSON.parse(process.argv[2]!)
}

/** In the child: says that it is ready, and answers from then on. */
export function answerParent(ready: unknown, answer: (question: unknown) => unknown): void {
  process.on('message', (question) => process.send!(answer(question)))
  process.once('disconnect', () => process.exit())
  process.send!(ready)
}
