/**
 * A process for commands to run in: what they print, and signals that a test sends.
 */
import type { Io, StopSignal } from '../../src/cli/command.ts'

export interface TestIo extends Io {
  /** Lines of stdout and stderr. */
  readonly outLines: string[]
  readonly errLines: string[]
  /** What was shown of how it is going. */
  readonly liveLines: string[]
  /** Sends a signal to whoever listens. */
  signal(signal: StopSignal): void
  /** How many listen for signals. */
  listeners(): number
  /** Resolves at the next line of stdout. */
  nextOut(): Promise<void>
}

export function testIo(
  input = '',
  environment: Readonly<Record<string, string | undefined>> = {},
): TestIo {
  const outLines: string[] = []
  const errLines: string[] = []
  const liveLines: string[] = []
  const listeners = new Set<(signal: StopSignal) => void>()
  const waiting: (() => void)[] = []
  return {
    outLines,
    errLines,
    liveLines,
    out: (line) => {
      outLines.push(line)
      for (const resolve of waiting.splice(0)) resolve()
    },
    err: (line) => errLines.push(line),
    live: (line) => liveLines.push(line),
    isLive: false,
    input: (async function* () {
      // Cut in the middle of characters and lines, as a pipe does.
      const bytes = Buffer.from(input)
      for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7)
    })(),
    onSignal: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    environment,
    signal: (signal) => {
      for (const listener of listeners) listener(signal)
    },
    listeners: () => listeners.size,
    nextOut: () => new Promise((resolve) => waiting.push(resolve)),
  }
}
