/**
 * What a feature service takes and gives, as its `metadata` endpoint tells.
 *
 * Lists without elements are left out, as the platform leaves them out.
 */
import type { Field } from '../../model/types.ts'
import type { ServedService } from './services.ts'
import { dataTypeOf, typeWordOf } from './types.ts'

/** @param hasWords  Each type also as one word, of older clients. */
export function serviceMetadata({ joinKeys, features }: ServedService, hasWords: boolean): object {
  const describe = ({ name, type }: Field): object => ({
    name,
    dataType: dataTypeOf(type),
    ...(hasWords ? { type: typeWordOf(type) } : {}),
  })
  return {
    featureServiceType: 'DEFAULT',
    inputJoinKeys: joinKeys.map(describe),
    featureValues: features.map(({ name, feature: { type } }) => describe({ name, type })),
  }
}
