#!/usr/bin/env node
/**
 * The program `millrace`: hands the process to the command table and takes its exit code back.
 */
import type { Io, StopSignal } from './command.ts'
import { isLeftByUserCode } from '../base/user-context.ts'
import { exitCodes } from './exit-codes.ts'
import { reportError, runCli } from './run.ts'

const io: Io = {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  live: (line) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`)
    else if (line !== '') process.stderr.write(`${line}\n`)
  },
  isLive: process.stderr.isTTY,
  input: process.stdin,
  onSignal: (listener) => {
    const stopSignals: readonly StopSignal[] = ['SIGTERM', 'SIGINT', 'SIGHUP']
    for (const signal of stopSignals) process.on(signal, listener)
    return () => {
      for (const signal of stopSignals) process.off(signal, listener)
    }
  },
}

// A reader that has gone away, such as `| head`, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

// Nobody has caught it, so nobody knows what it has left undone: the next start finds out.
process.on('uncaughtException', (thrown) => {
  if (isLeftByUserCode()) return
  reportError(thrown, io)
  process.exit(exitCodes.internal)
})

const exitCode = await runCli(process.argv.slice(2), io)
process.exitCode = exitCode
// After a second signal or a failure something may still hold the process; it has to go.
if (exitCode === exitCodes.killed) process.kill(process.pid, 'SIGKILL')
if (exitCode > 128 || exitCode === exitCodes.internal) process.exit()
