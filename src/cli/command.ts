/**
 * What a command is: its place in help, its flags, and a function from arguments to an exit code.
 *
 * A command holds no logic of its own: it parses, calls and prints. Everything it touches of the
 * process comes in as `Io`, so that tests run commands without one. Results go to stdout,
 * messages to stderr.
 */
import { parseArgs } from 'node:util'
import { givenOptions, resolveOptions, type Environment, type Resolved } from '../base/config.ts'
import { MillraceError, reasonOf } from '../base/errors.ts'
import type { Option, OptionTable } from '../base/option.ts'

export interface Io {
  /** Writes a line of results. */
  readonly out: (line: string) => void
  /** Writes a line of messages. */
  readonly err: (line: string) => void
  /**
   * Shows how a command is doing, among the messages: on a terminal in the place of what it showed
   * before, `''` to take that away; elsewhere a line each.
   */
  readonly live: (line: string) => void
  /** Whether what is shown takes the place of what was shown before. */
  readonly isLive: boolean
  readonly input: AsyncIterable<Uint8Array>
  /** Calls back at every SIGTERM and SIGINT, until the returned function is called. */
  readonly onSignal: (listener: (signal: StopSignal) => void) => () => void
  /** In place of the process's own. */
  readonly environment?: Environment
}

export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

export interface CommandHelp {
  readonly name: string
  /** What follows the name: `<features.ts> [options]`. */
  readonly usage: string
  /** One line for the list of commands. */
  readonly summary: string
  readonly options: OptionTable
  /** Flags that are not options of the configuration: flag → sentence. */
  readonly flags: Readonly<Record<string, Flag>>
}

export interface Flag {
  readonly type: 'boolean' | 'string'
  readonly placeholder?: string
  readonly description: string
}

/** Runs a command. @returns the exit code. */
export type Run = (args: readonly string[], io: Io) => Promise<number>

/** `--json`, as the commands with results have it. */
export const jsonFlag: Flag = { type: 'boolean', description: 'Print JSON.' }

interface Parsed<T extends OptionTable> {
  readonly positionals: readonly string[]
  readonly options: Resolved<T>
  /** The options that are not left to their defaults. */
  readonly given: ReadonlySet<string>
  readonly flags: Readonly<Record<string, string | boolean | undefined>>
}

/**
 * Parses a command's arguments.
 *
 * @param count  How many positionals it takes, at least and at most.
 * @throws {@link MillraceError} `USAGE_INVALID`, `CONFIG_INVALID`.
 */
export function parseCommand<T extends OptionTable>(
  help: CommandHelp & { readonly options: T },
  args: readonly string[],
  count: { readonly min: number; readonly max: number },
  environment?: Environment,
): Parsed<T> {
  const rows = Object.entries<Option<unknown>>(help.options)
  const { values, positionals } = parseStrictly(args, {
    ...Object.fromEntries(rows.map(([, { flag }]) => [flag, { type: 'string' as const }])),
    ...Object.fromEntries(
      Object.entries(help.flags).map(([flag, { type }]) => [flag, { type }] as const),
    ),
  })
  if (positionals.length < count.min || positionals.length > count.max) {
    throw usageInvalid(`usage: millrace ${help.name} ${help.usage}`)
  }
  const given = Object.fromEntries(
    rows.map(([name, { flag }]) => [name, values[flag] as string | undefined] as const),
  )
  return {
    positionals,
    options: resolveOptions(help.options, given, environment),
    given: givenOptions(help.options, given, environment),
    flags: values,
  }
}

function parseStrictly(
  args: readonly string[],
  options: Readonly<Record<string, { readonly type: 'boolean' | 'string' }>>,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    // What follows the first sentence explains how to pass dashes, which nobody wanted.
    throw usageInvalid(reasonOf(error).split(/\. |\n/)[0]!)
  }
}

export function usageInvalid(reason: string): MillraceError {
  return new MillraceError('USAGE_INVALID', { reason })
}
