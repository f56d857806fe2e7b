/**
 * The least that a `fastify` server can do: a process of its own that answers `{"hello":"world"}`.
 *
 * As its documentation has it at its fastest: a serializer compiled from the answer's schema.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { threadTimes, type ThreadTimes } from '../daemon.ts'

const suffix = extname(import.meta.url)
const program = fileURLToPath(new URL(`hello-world-server${suffix}`, import.meta.url))

export interface HelloWorld {
  /** `http://host:port` */
  readonly url: string
  /** CPU time used so far. */
  readonly cpu: () => Promise<ThreadTimes>
  stop(): Promise<void>
}

export async function startHelloWorld(): Promise<HelloWorld> {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const left = once(child, 'exit')
  const cut = (): boolean => child.kill('SIGKILL')
  process.once('exit', cut)
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return {
    url,
    cpu: () => threadTimes(child.pid!),
    async stop() {
      cut()
      await left
      process.off('exit', cut)
    },
  }
}
