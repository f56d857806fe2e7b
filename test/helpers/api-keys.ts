/**
 * API keys of a data directory for tests.
 */
import { keysPath } from '../../src/access/key-files.ts'
import { createKey, type NewKey } from '../../src/access/keys.ts'
import type { Role } from '../../src/access/roles.ts'
import { systemClock } from '../../src/base/clock.ts'

/** Makes a key. @returns what its owner sends. */
export async function apiKeyOf(
  dataDir: string,
  role: Role,
  more: Partial<NewKey> = {},
): Promise<string> {
  const standard = { name: role, role, sources: null, services: null, lifeMs: null }
  const { text } = await createKey(keysPath(dataDir), { ...standard, ...more }, systemClock)
  return text
}
