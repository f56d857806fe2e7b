/**
 * The command table: from arguments to an exit code.
 *
 * Every error ends here as a line on stderr, or a line per problem, with a hint where the table
 * has one. The daemon and the client are loaded by the commands that need them, so that `get`
 * starts at once.
 */
import { createRequire } from 'node:module'
import { MillraceError, printable } from '../base/errors.ts'
import { backfillCommand, backfillHelp } from './backfill.ts'
import { backupCommand, backupHelp } from './backup.ts'
import { checkCommand, checkHelp } from './check.ts'
import { usageInvalid, type CommandHelp, type Io, type Run } from './command.ts'
import {
  backUpData,
  connectPublisher,
  inspectData,
  loadCatalog,
  makeTrainingSet,
  rebuildData,
  restoreData,
  startDaemon,
  startLoad,
  verifyData,
} from './connect.ts'
import { exitCodes, isSystemError, verdictOf } from './exit-codes.ts'
import { getHelp, runGet } from './get.ts'
import { commandHelpText, helpText } from './help.ts'
import { inspectCommand, inspectHelp } from './inspect.ts'
import { keysCommand, keysHelp } from './keys.ts'
import { ledgerHelp, runLedger } from './ledger.ts'
import { loadCommand, loadHelp } from './load.ts'
import { pushCommand, pushHelp } from './push.ts'
import { rebuildCommand, rebuildHelp } from './rebuild.ts'
import { restoreCommand, restoreHelp } from './restore.ts'
import { serveCommand, serveHelp } from './serve.ts'
import { trainingSetCommand, trainingSetHelp } from './training-set.ts'
import { verifyCommand, verifyHelp } from './verify.ts'

interface Command {
  readonly help: CommandHelp
  readonly run: Run
}

const helpHelp: CommandHelp = {
  name: 'help',
  usage: '[command]',
  summary: 'Lists the commands, or the flags of one',
  options: {},
  flags: {},
}

const commands: readonly Command[] = [
  { help: serveHelp, run: serveCommand(startDaemon) },
  { help: checkHelp, run: checkCommand(loadCatalog) },
  { help: pushHelp, run: pushCommand(connectPublisher) },
  { help: getHelp, run: runGet },
  { help: ledgerHelp, run: runLedger },
  { help: keysHelp, run: keysCommand() },
  { help: backfillHelp, run: backfillCommand(loadCatalog) },
  { help: loadHelp, run: loadCommand({ load: loadCatalog, start: startLoad }) },
  { help: trainingSetHelp, run: trainingSetCommand(makeTrainingSet) },
  { help: inspectHelp, run: inspectCommand(inspectData) },
  { help: rebuildHelp, run: rebuildCommand(rebuildData) },
  { help: backupHelp, run: backupCommand(backUpData) },
  { help: restoreHelp, run: restoreCommand(restoreData) },
  { help: verifyHelp, run: verifyCommand(verifyData) },
  { help: helpHelp, run: runHelp },
]

/** Runs a command line. Never throws. @returns the exit code. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  try {
    const [name, ...rest] = args
    if (name === undefined || name === '--help' || name === '-h') return await runHelp([], io)
    if (name === '--version' || name === '-v') {
      io.out(version())
      return exitCodes.ok
    }
    const command = commandNamed(name)
    if (rest.includes('--help') || rest.includes('-h')) return await runHelp([name], io)
    return await command.run(rest, io)
  } catch (error) {
    return reportError(error, io)
  }
}

function runHelp([name]: readonly string[], io: Io): Promise<number> {
  const helps = commands.map(({ help }) => help)
  io.out(name === undefined ? helpText(helps) : commandHelpText(commandNamed(name).help))
  return Promise.resolve(exitCodes.ok)
}

function commandNamed(name: string): Command {
  const command = commands.find(({ help }) => help.name === name)
  if (command === undefined) throw usageInvalid(`there is no command "${name}"`)
  return command
}

/** Prints what went wrong. @returns the exit code. */
export function reportError(error: unknown, io: Io): number {
  const { exitCode, hint } = verdictOf(error)
  for (const line of errorLines(error)) io.err(line)
  if (hint !== null) io.err(`  hint: ${hint}`)
  return exitCode
}

/** A fault of our own comes with its stack, to be reported. */
function errorLines(error: unknown): string[] {
  if (isSystemError(error)) return [`millrace: ${printable(error.message)}`]
  if (!(error instanceof MillraceError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return [`millrace: unexpected: ${text}`]
  }
  const [first, ...problems] = error.message.split('\n').map((line) => printable(line, 2000))
  return [`millrace: ${first} (${error.code})`, ...problems]
}

function version(): string {
  const manifest: unknown = createRequire(import.meta.url)('millrace/package.json')
  return (manifest as { version: string }).version
}
