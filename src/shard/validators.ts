/**
 * What checks the events of each route: those that are pushed, and the rows of batch sources, on
 * which no post-processor of the stream is run.
 */
import type { Catalog } from '../model/catalog.ts'
import { catalogOfHistory } from '../model/history.ts'
import { createRouteValidator, type RouteValidator } from '../validate/route-validator.ts'

/** By place in the catalog's routes; the shards of a lane share them. */
export interface Validators {
  readonly validators: readonly RouteValidator[]
  /** For rows of batch sources; the same where nothing tells the two apart. */
  readonly historyValidators: readonly RouteValidator[]
}

export function createValidators(catalog: Catalog): Validators {
  const validators = catalog.routes.map((route) => createRouteValidator(catalog, route))
  const history = catalogOfHistory(catalog)
  const historyValidators = catalog.routes.map((route, index) => {
    const isSame = catalog.sources[route.source]!.input === undefined
    return isSame ? validators[index]! : createRouteValidator(history, route)
  })
  return { validators, historyValidators }
}
