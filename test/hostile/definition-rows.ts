/**
 * Features files that must not start a daemon: what `check` says of each.
 */
import type { Row } from './rows.ts'

export interface DefinitionRow extends Row {
  /** What stands in the place of a part of a good file. */
  readonly change: readonly [part: string, instead: string]
  readonly error: RegExp
}

/** A good file; every row breaks one thing of it. */
export const goodDefinitions = `
import { aggregate, entity, pushSource, streamFeatureView, t } from 'millrace'

const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
const clicks = pushSource({
  name: 'clicks',
  schema: { user_id: t.String(), at: t.Timestamp(), price: t.Float64() },
})
export const userClicks = streamFeatureView({
  name: 'user_clicks',
  source: clicks,
  entities: [user],
  features: [aggregate('price', 'sum', '1h')],
})
`

function named(name: string): DefinitionRow {
  const what = `the source "${name.slice(0, 20)}"`
  return { id: 'C1', what, change: [`'clicks'`, `'${name}'`], error: /\(DEFINITION_INVALID\)$/ }
}

function windowed(what: string, window: string, error: RegExp): DefinitionRow {
  return { id: 'C2', what, change: [`'1h'`, window], error }
}

function typed(what: string, type: string): DefinitionRow {
  return { id: 'C3', what, change: ['t.Float64()', type], error: /\(DEFINITION_(INVALID|LOAD)\)$/ }
}

export const definitionRows: readonly DefinitionRow[] = [
  ...['../../x', 'a/b', 'x'.repeat(65), '__proto__'].map(named),
  windowed('a window of nothing', `'0s'`, /user_clicks\.features\[0\]/),
  windowed('a window of less', `'-1s'`, /user_clicks\.features\[0\]/),
  windowed('a window of 30,000 years', `'11574074d'`, /user_clicks\.features\[0\]/),
  {
    ...windowed('10,000 windows', '', /user_clicks.*512/),
    change: [
      `[aggregate('price', 'sum', '1h')]`,
      `Array.from({ length: 10000 }, (_, n) => aggregate('price', 'sum', \`\${n + 1}m\`))`,
    ],
  },
  typed('a type of another library', `{ type: 'string', format: 'nonsense' } as never`),
  typed('a pattern that takes for ever', `{ type: 'string', pattern: '(a+)+$' } as never`),
  typed('a type that is too deep', `${'t.Array('.repeat(9)}t.Int64()${')'.repeat(9)}`),
  {
    id: 'C4',
    what: 'a key that stands there twice',
    change: ['price: t.Float64()', 'price: t.Float64(), price: t.String()'],
    error: /:7:\d+: Duplicate key "price" in object literal \(DEFINITION_LOAD\)$/,
  },
  {
    id: 'C4',
    what: 'a file that is none of TypeScript',
    change: ['import', 'base: &anchor\nimport'],
    error: /\(DEFINITION_LOAD\)$/,
  },
  {
    id: 'C4',
    what: 'a file that imports itself, and needs what it has not made',
    change: [
      `export const userClicks`,
      `import { userClicks as self } from './features.ts'\nself.name\nexport const userClicks`,
    ],
    error: /\(DEFINITION_LOAD\)$/,
  },
]
