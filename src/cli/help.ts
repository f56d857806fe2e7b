/**
 * `millrace help`: the commands, or one command's flags, straight from their tables.
 */
import type { CommandHelp } from './command.ts'
import { alignColumns } from './table.ts'

/** The list of commands. */
export function helpText(commands: readonly CommandHelp[]): string {
  const rows = commands.map(({ name, usage, summary }) => [`${name} ${usage}`.trim(), summary])
  return [
    'Millrace computes machine-learning features from events as they arrive.',
    '',
    'Usage: millrace <command>',
    '',
    ...alignColumns(rows, '  '),
    '',
    '"millrace help <command>" lists the flags of a command.',
  ].join('\n')
}

/** One command and its flags. */
export function commandHelpText({ name, usage, summary, options, flags }: CommandHelp): string {
  const rows = Object.values(options).map((option) => [
    `--${option.flag} ${option.placeholder}`,
    `${option.description} [${option.variable}, default ${option.standard()}]`,
  ])
  const more = Object.entries(flags).map(([flag, { placeholder, description }]) => [
    `--${flag} ${placeholder ?? ''}`.trim(),
    description,
  ])
  return [
    `Usage: millrace ${name} ${usage}`.trim(),
    '',
    `${summary}.`,
    ...(rows.length + more.length > 0 ? ['', ...alignColumns([...rows, ...more], '  ')] : []),
  ].join('\n')
}
