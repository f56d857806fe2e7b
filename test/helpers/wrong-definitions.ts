/**
 * Definitions with mistakes, and what is said of them.
 */
import assert from 'node:assert/strict'
import { MillraceError } from '../../src/base/errors.ts'
import { aggregate } from '../../src/define/aggregate.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { entity } from '../../src/define/entity.ts'
import { featureService } from '../../src/define/service.ts'
import { pushSource } from '../../src/define/source.ts'
import { streamFeatureView } from '../../src/define/view.ts'

/** The lines of the error, without where in a file they point. */
export function problemsOf(...definitions: unknown[]): string[] {
  try {
    buildCatalog(definitions)
  } catch (error) {
    assert.ok(error instanceof MillraceError && error.code === 'DEFINITION_INVALID')
    const lines = error.message.split('\n').map((line) => line.trim())
    if (lines.length > 1) assert.equal(lines.shift(), `${lines.length} problems`)
    return lines.map((line) => line.replace(/ \(\/.*:\d+:\d+\)$/, ''))
  }
  return []
}

/** Mistakes that the compiler would refuse, as a JavaScript file may hold them. */
export const loose = {
  entity: entity as (options: object) => unknown,
  pushSource: pushSource as (options: object) => unknown,
  view: streamFeatureView as unknown as (options: object) => unknown,
  service: featureService as unknown as (options: object) => unknown,
  aggregate: aggregate as unknown as (...values: unknown[]) => unknown,
}
