/**
 * Whether the events of a source can be rows of the offline log.
 *
 * Its columns are the fields of the source, beside those that say where an event came from. Whoever
 * reads Parquet may take two names that differ only in case for one, so none may.
 */
import type { DataType, Field } from '../model/types.ts'
import { logColumnPrefix } from '../model/offline.ts'
import type { Problems } from './problems.ts'
import type { PushSource } from './source.ts'

export function checkOffline(
  source: PushSource,
  fields: readonly Field[],
  problems: Problems,
): void {
  const { name, offline } = source
  if (offline !== undefined && typeof offline !== 'boolean') {
    problems.add(`${name}.offline`, 'is true or false', source)
  }
  if (offline !== true) return
  const taken = fields.find((field) => field.name.toLowerCase().startsWith(logColumnPrefix))
  if (taken !== undefined) {
    const reason = `begins like the offline log's own columns, ${logColumnPrefix}`
    problems.add(`${name}.schema.${taken.name}`, reason, source)
  }
  checkNames(fields, `${name}.schema`, (path, reason) => problems.add(path, reason, source))
}

function checkNames(
  fields: readonly Field[],
  path: string,
  add: (path: string, reason: string) => void,
): void {
  const names = new Map<string, string>()
  for (const { name, type } of fields) {
    const other = names.get(name.toLowerCase())
    if (other !== undefined) add(`${path}.${name}`, `differs from ${other} only in case`)
    names.set(name.toLowerCase(), name)
    checkType(type, `${path}.${name}`, add)
  }
}

function checkType(
  type: DataType,
  path: string,
  add: (path: string, reason: string) => void,
): void {
  if (type.kind === 'Array') checkType(type.element, path, add)
  if (type.kind === 'Map') checkType(type.value, path, add)
  if (type.kind !== 'Struct') return
  if (type.fields.length === 0) add(path, 'is a Struct without fields, which Parquet has not')
  checkNames(type.fields, path, add)
}
