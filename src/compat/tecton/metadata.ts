/**
 * What a feature service takes and gives, as its `metadata` endpoint tells.
 *
 * Lists without elements are left out, as the platform leaves them out.
 */
import type { Field } from '../../model/types.ts'
import type { ServedService } from './services.ts'
import { dataTypeOf, typeWordOf } from './types.ts'

/** @param hasWords  Each type also as one word, of older clients. */
export function serviceMetadata(service: ServedService, hasWords: boolean): object {
  const describe = ({ name, type }: Field): object => ({
    name,
    dataType: dataTypeOf(type),
    ...(hasWords ? { type: typeWordOf(type) } : {}),
  })
  const { joinKeys, requestFields, servingIndex, features } = service
  const given = joinKeys.filter(({ name }) => servingIndex?.includes(name) ?? true)
  const found = foundKeys(service)
  return {
    featureServiceType: servingIndex === null ? 'DEFAULT' : 'WILDCARD',
    ...listed('inputJoinKeys', given.map(describe)),
    ...listed('outputJoinKeys', found.map(describe)),
    ...listed('inputRequestContextKeys', requestFields.map(describe)),
    featureValues: features.map(describe),
  }
}

/** The join keys that a query finds, in the order of the service; none without such queries. */
export function foundKeys({ joinKeys, servingIndex }: ServedService): readonly Field[] {
  return joinKeys.filter(({ name }) => servingIndex !== null && !servingIndex.includes(name))
}

function listed(name: string, elements: readonly object[]): object {
  return elements.length === 0 ? {} : { [name]: elements }
}
