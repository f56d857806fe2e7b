/**
 * `millrace keys`: makes, lists and revokes the API keys of a data directory.
 *
 * A daemon that has the directory open need not be asked, and need not run. The text of a key is
 * printed once, by the command that makes it, and is kept nowhere.
 */
import { resolve } from 'node:path'
import { keysFolder, keysPath, type KeyRecord } from '../access/key-files.ts'
import { createKey, listKeys, revokeKey, type NewKey } from '../access/keys.ts'
import { isRole, roles, type Role } from '../access/roles.ts'
import { systemClock, type Clock } from '../base/clock.ts'
import { daemonOptions } from '../base/config.ts'
import { MillraceError, printable } from '../base/errors.ts'
import { apiKeyLifeMsMax, apiKeyNameLengthMax } from '../base/http-limits.ts'
import { parsePeriod } from '../base/option.ts'
import { assertDataDirectory } from '../stored/data-directory.ts'
import {
  jsonFlag,
  parseCommand,
  usageInvalid,
  type CommandHelp,
  type Io,
  type Run,
} from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { jsonText } from './json-text.ts'
import { alignColumns } from './table.ts'

export const keysHelp = {
  name: 'keys',
  usage: '<create NAME|list|revoke ID> [options]',
  summary: 'Makes, lists or revokes the API keys of a data directory',
  options: { dataDir: daemonOptions.dataDir },
  flags: {
    role: {
      type: 'string',
      placeholder: 'ROLE',
      description: `What the new key may do: ${roles.join(', ')}.`,
    },
    sources: {
      type: 'string',
      placeholder: 'NAMES',
      description: 'Sources that it may publish to, with commas between; else all.',
    },
    services: {
      type: 'string',
      placeholder: 'NAMES',
      description: 'Services and views that it may read, with commas between; else all.',
    },
    expires: {
      type: 'string',
      placeholder: 'TIME',
      description: 'How long it is good for, such as 90d; else until it is revoked.',
    },
    init: {
      type: 'boolean',
      description: 'Makes the data directory, for a first key before the first start.',
    },
    json: jsonFlag,
  },
} as const satisfies CommandHelp

type Flags = Readonly<Record<string, string | boolean | undefined>>

export function keysCommand(clock: Clock = systemClock): Run {
  return async (args, io) => {
    const two = { min: 1, max: 2 }
    const { positionals, options, flags } = parseCommand(keysHelp, args, two, io.environment)
    const [action, operand] = positionals as [string, string?]
    const dataDir = resolve(options.dataDir)
    const dir = keysPath(dataDir)
    if (action !== 'create') assertWithout(flags, action)
    if (action === 'list' && operand === undefined) {
      await assertDataDirectory(dataDir, [keysFolder])
      return list(dir, flags, io)
    }
    if (action === 'create' && operand !== undefined) {
      const asked = newKeyOf(operand, flags)
      if (flags['init'] !== true) await assertToBeUsed(dataDir)
      const { record, text } = await createKey(dir, asked, clock)
      if (flags['json'] === true) io.out(jsonText({ ...toldOf(record), key: text }))
      else io.out(`API Key: ${text}\nKey ID: ${record.id}`)
      io.err('Save this API Key - you will not be able to get it again.')
      return exitCodes.ok
    }
    if (action === 'revoke' && operand !== undefined) {
      await assertDataDirectory(dataDir, [keysFolder])
      await revokeKey(dir, operand)
      io.out(flags['json'] === true ? jsonText({ id: operand }) : `${operand} is revoked`)
      return exitCodes.ok
    }
    throw usageInvalid(`usage: millrace keys ${keysHelp.usage}`)
  }
}

async function list(dir: string, flags: Flags, io: Io): Promise<number> {
  const told = (await listKeys(dir)).map(toldOf)
  if (flags['json'] === true) {
    io.out(jsonText({ keys: told }))
    return exitCodes.ok
  }
  const rows = told.map(({ id, name, role, sources, services, created, expires }) => [
    id,
    printable(name),
    role,
    sources?.join(',') ?? 'all',
    services?.join(',') ?? 'all',
    created,
    expires ?? 'never',
  ])
  const heads = ['ID', 'NAME', 'ROLE', 'SOURCES', 'SERVICES', 'CREATED', 'EXPIRES']
  for (const line of alignColumns([heads, ...rows])) io.out(line)
  return exitCodes.ok
}

/** A key in a directory that no daemon has would let nobody in, and ask nobody. */
async function assertToBeUsed(dataDir: string): Promise<void> {
  try {
    await assertDataDirectory(dataDir, [keysFolder])
  } catch (thrown) {
    if (!(thrown instanceof MillraceError)) throw thrown
    const reason = `${String(thrown.details['reason'])}; --init makes one, before its first start`
    throw new MillraceError('FILE_UNREADABLE', { file: dataDir, reason }, { cause: thrown })
  }
}

/** Only a new key has properties. */
function assertWithout(flags: Flags, action: string): void {
  for (const flag of ['role', 'sources', 'services', 'expires', 'init']) {
    if (flags[flag] !== undefined) throw usageInvalid(`"keys ${action}" has no flag --${flag}`)
  }
}

function newKeyOf(name: string, flags: Flags): NewKey {
  const { role, expires } = flags
  if (name.trim() === '' || name.length > apiKeyNameLengthMax) {
    throw usageInvalid(`the name of a key has 1 to ${apiKeyNameLengthMax} characters`)
  }
  if (!isRole(role)) throw usageInvalid(`--role: say one of ${roles.join(', ')}`)
  const life = expires === undefined ? { value: null } : parsePeriod(String(expires))
  if ('refused' in life) throw usageInvalid(`--expires: ${life.refused}`)
  if (Number(life.value) > apiKeyLifeMsMax) throw usageInvalid('--expires: is beyond 100 years')
  const scopes = { sources: scopeOf(flags, 'sources'), services: scopeOf(flags, 'services') }
  assertMeaningful(role, scopes)
  return { name, role, ...scopes, lifeMs: life.value }
}

function scopeOf(flags: Flags, flag: 'sources' | 'services'): readonly string[] | null {
  const given = flags[flag]
  if (given === undefined) return null
  const names = String(given).split(',')
  const wrong = names.find((name) => !/^\w+$/.test(name))
  if (wrong === undefined) return names
  throw usageInvalid(`--${flag}: "${printable(wrong)}" is not the name of a definition`)
}

/** A scope that limits nothing would be taken for one that does. */
function assertMeaningful(role: Role, scopes: Pick<NewKey, 'sources' | 'services'>): void {
  if (role === 'admin' && (scopes.sources ?? scopes.services) !== null) {
    throw usageInvalid('--role admin is for everything: it takes no --sources and no --services')
  }
  if (role === 'viewer' && scopes.services !== null) {
    throw usageInvalid('--role viewer reads no features: it takes no --services')
  }
}

/** A key without its hash. */
function toldOf({ id, name, role, sources, services, createdMs, expiresMs }: KeyRecord) {
  const created = new Date(createdMs).toISOString()
  const expires = expiresMs === null ? null : new Date(expiresMs).toISOString()
  return { id, name, role, sources, services, created, expires }
}
