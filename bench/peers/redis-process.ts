/**
 * A Redis of the bench's own: Debian's `redis-server`, a unix socket, a new directory.
 *
 * Every write is on disk before it is answered (`appendfsync always`). Snapshots and rewrites of
 * the log are off, which is in its favour.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface RedisProcess {
  /** Path of its unix socket. */
  readonly path: string
  stop(): Promise<void>
}

const program = 'redis-server'

/** Whether there is a Redis on this machine. */
export function hasRedis(): boolean {
  return spawnSync(program, ['--version']).status === 0
}

/** What the benches and their test say where there is none. */
export const noRedis = `Redis is left out: ${program} is not on the PATH`

export async function startRedis(): Promise<RedisProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'millrace-redis-'))
  const path = join(dir, 'socket')
  const settings = {
    port: '0',
    unixsocket: path,
    dir,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'auto-aof-rewrite-percentage': '0',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const kill = (): boolean => child.kill('SIGKILL')
  process.once('exit', kill)
  const exited = once(child, 'exit')
  const lines: string[] = []
  const isReady = new Promise<boolean>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line)
      if (line.includes('ready to accept connections')) resolve(true)
    })
  })
  const isUp = await Promise.race([isReady, exited.then(() => false)])
  if (!isUp) throw new Error(`${program} did not start: ${lines.join('\n')}`)
  return {
    path,
    async stop() {
      process.off('exit', kill)
      kill()
      await exited
      await rm(dir, { recursive: true, force: true })
    },
  }
}
