/**
 * `npm run bench -- <name>`: runs a bench and prints what it has found.
 *
 * A table for people; with `--json` one object, the last line of stdout; with `--write` the whole
 * table of the bench, into `RESULTS.md`. Without a name, lists the benches.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benches } from './benches.ts'
import { standardValues, type Bench, type Report, type Settings } from './harness.ts'
import { machineLine } from './machine.ts'
import { profileText } from './profile.ts'
import { markdownTable, writeResults } from './results.ts'

/** Lines of a profile, for each thread. */
const profiledFunctions = 10

const flags = {
  json: { type: 'boolean', description: 'Print one JSON object as the last line' },
  smoke: { type: 'boolean', description: 'The size that shows that it works, not how fast it is' },
  write: { type: 'boolean', description: 'Measure all rows of the table and write RESULTS.md' },
  profile: { type: 'boolean', description: 'Also print where each thread of the daemon was' },
  repeats: { type: 'string', description: 'Runs of which the median is told; 5, with --smoke 1' },
  seed: { type: 'string', description: 'Of the events; 1' },
} as const

async function main(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args
  const bench = benches.find((each) => each.name === name)
  if (bench === undefined) {
    console.log(overview())
    process.exitCode = name === undefined ? 0 : 2
    return
  }
  const parsed = parse(bench, rest)
  const { profile, write, json } = parsed.flags
  const profileDir = profile ? await mkdtemp(join(tmpdir(), 'millrace-profile-')) : null
  try {
    const settings = { ...parsed.settings, profileDir }
    if (write) {
      await writeTable(bench, parsed.values, settings)
      return
    }
    const report = await bench.run(parsed.values, settings)
    if (!json) console.log(`${reportText(bench, [report])}\n`)
    if (profileDir !== null) console.log(`${await profileText(profileDir, profiledFunctions)}\n`)
    if (json) console.log(JSON.stringify(report.json))
  } finally {
    if (profileDir !== null) await rm(profileDir, { recursive: true })
  }
}

function overview(): string {
  const lines = ['npm run bench -- <name> [options]', '']
  for (const { name, question, options } of benches) {
    lines.push(`${name}: ${question}`, '')
    for (const [option, { standard, description }] of Object.entries(options)) {
      lines.push(`  --${option.padEnd(12)} ${description}; ${standard}`)
    }
    lines.push('')
  }
  lines.push('every bench:', '')
  for (const [flag, { description }] of Object.entries(flags)) {
    lines.push(`  --${flag.padEnd(12)} ${description}`)
  }
  return lines.join('\n')
}

function parse(bench: Bench, args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...flags,
      ...Object.fromEntries(
        Object.keys(bench.options).map((name) => [name, { type: 'string' as const }]),
      ),
    },
  })
  const given = values as Readonly<Record<string, string | boolean | undefined>>
  const isSmoke = given['smoke'] === true
  const chosen = standardValues(bench.options, isSmoke)
  for (const name of Object.keys(bench.options)) {
    if (given[name] !== undefined) chosen[name] = numberOf(name, given[name])
  }
  const settings: Omit<Settings, 'profileDir'> = {
    repeats: numberOf('repeats', given['repeats'] ?? (isSmoke ? '1' : '5')),
    seed: numberOf('seed', given['seed'] ?? '1'),
  }
  const isSet = (flag: keyof typeof flags): boolean => given[flag] === true
  return {
    values: chosen,
    settings,
    flags: { json: isSet('json'), write: isSet('write'), profile: isSet('profile') },
  }
}

function numberOf(name: string, text: string | boolean): number {
  const number = Number(text)
  if (typeof text !== 'string' || text.trim() === '' || !(number >= 0)) {
    throw new Error(`--${name}: "${String(text)}" is not a number`)
  }
  return number
}

async function writeTable(
  bench: Bench,
  values: Readonly<Record<string, number>>,
  settings: Settings,
): Promise<void> {
  const reports: Report[] = []
  for (const row of bench.rows) {
    const report = await bench.run({ ...values, ...(row as Record<string, number>) }, settings)
    reports.push(report)
    console.log(report.cells.join('  '))
  }
  writeResults(bench.name, reportText(bench, reports, settings))
}

function reportText(bench: Bench, reports: readonly Report[], settings?: Settings): string {
  const table = markdownTable([bench.titles, ...reports.map(({ cells }) => cells)])
  const medians = settings === undefined ? '' : `Medians of ${settings.repeats} runs. `
  return `${table}\n\n${medians}${machineLine(reports[0]!.machine)}.`
}

await main(process.argv.slice(2))
