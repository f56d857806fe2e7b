import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { aggregate } from '../../src/define/aggregate.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { entity } from '../../src/define/entity.ts'
import { canonicalSource, describeDifference } from '../../src/define/identity.ts'
import { pushSource } from '../../src/define/source.ts'
import { t } from '../../src/define/types.ts'
import { streamFeatureView } from '../../src/define/view.ts'
import type { Source } from '../../src/model/catalog.ts'

// Mistakes that the compiler would refuse, as a JavaScript file may hold them.
const loose = {
  pushSource: pushSource as unknown as (options: object) => object,
  view: streamFeatureView as unknown as (options: object) => object,
}

const schema = { user_id: t.String(), at: t.Timestamp(), cents: t.Int64() }
const inputSchema = { user_id: t.String(), seconds: t.Int64(), price: t.Float64() }
const postProcessor = () => null

function sourceOf(options: object): Source {
  return buildCatalog([loose.pushSource({ name: 's', schema, ...options })]).sources[0]!
}

/** The lines of the error, without where in this file they point. */
function problemsOf(...definitions: object[]): string[] {
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

describe('a source', () => {
  it('without a post-processor has no input', () => {
    assert.equal('input' in sourceOf({}), false)
  })

  it('with a post-processor has its input, and the event time of its schema', () => {
    const { input, fields, timestampField } = sourceOf({ inputSchema, postProcessor })
    assert.deepEqual(
      input!.fields.map(({ name }) => name),
      ['user_id', 'seconds', 'price'],
    )
    assert.equal(input!.postProcessor, postProcessor)
    assert.deepEqual(
      fields.map(({ name }) => name),
      ['user_id', 'at', 'cents'],
    )
    assert.equal(timestampField, 'at')
  })
})

describe('a wrong source', () => {
  const problems = (options: object) =>
    problemsOf(loose.pushSource({ name: 's', schema, ...options }))

  it('has an inputSchema without a postProcessor, or the other way round', () => {
    assert.deepEqual(problems({ inputSchema }), [
      's.postProcessor: an inputSchema needs one: a function from what is pushed to a row of the ' +
        'schema',
    ])
    assert.deepEqual(problems({ postProcessor }), [
      's.inputSchema: a postProcessor needs one: the fields that producers push',
    ])
  })

  it('has a postProcessor that is no function, or gives a promise', () => {
    assert.deepEqual(problems({ inputSchema, postProcessor: 'parse' }), [
      's.postProcessor: "parse" is not a function',
    ])
    const plain =
      's.postProcessor: it must be a plain function, which returns a row of the schema or null ' +
      'and no promise'
    const generator = function* () {
      yield 1
    }
    for (const wrong of [async () => Promise.resolve(null), generator]) {
      assert.deepEqual(problems({ inputSchema, postProcessor: wrong }), [plain])
    }
  })

  it('has fields in its inputSchema that cannot be', () => {
    assert.deepEqual(
      problems({ inputSchema: { ...inputSchema, 'a b': 'String' }, postProcessor }),
      ['s.inputSchema.a b: not a type made with t, such as t.String()'],
    )
    assert.match(
      problems({ inputSchema: {}, postProcessor }).join(),
      /^s\.inputSchema: name at least one field/,
    )
  })

  it('lacks a join key of its views in the inputSchema, or has it with another type', () => {
    const user = entity({ name: 'user', joinKeys: { user_id: t.String() } })
    const features = [aggregate('cents', 'sum', '1h')]
    const viewOf = (input: object) => {
      const source = loose.pushSource({ name: 's', schema, inputSchema: input, postProcessor })
      return loose.view({ name: 'v', source, entities: [user], features })
    }
    const why = '; events are routed by it before the postProcessor runs'
    assert.deepEqual(problemsOf(viewOf({ uid: t.String() })), [
      `v.entities[0]: the inputSchema of source "s" has no field for join key "user_id"${why}`,
    ])
    assert.deepEqual(problemsOf(viewOf({ user_id: t.Int64() })), [
      'v.entities[0]: join key "user_id" is String, but Int64 in the inputSchema of source "s"' +
        why,
    ])
    assert.deepEqual(problemsOf(viewOf({ user_id: t.nullable(t.String()) })), [
      `v.entities[0]: join key "user_id" is nullable in the inputSchema of source "s"${why}`,
    ])
    assert.deepEqual(problemsOf(viewOf({ user_id: t.String() })), [])
  })
})

describe('the identity of a source', () => {
  const textOf = (options: object) => canonicalSource(sourceOf(options))

  it('covers what is pushed and the text of the post-processor, and is pinned', () => {
    assert.equal(
      textOf({ inputSchema, postProcessor }),
      '{"timestampField":"at","fields":[{"name":"at","type":"Timestamp"},' +
        '{"name":"cents","type":"Int64"},{"name":"user_id","type":"String"}],' +
        '"inputFields":[{"name":"price","type":"Float64"},{"name":"seconds","type":"Int64"},' +
        '{"name":"user_id","type":"String"}],"postProcessor":"() => null"}',
    )
    const { price, seconds, user_id } = inputSchema
    assert.equal(
      textOf({ inputSchema: { price, user_id, seconds }, postProcessor }),
      textOf({ inputSchema, postProcessor }),
    )
  })

  it('is as it always was without a post-processor', () => {
    assert.equal(
      textOf({}),
      '{"timestampField":"at","fields":[{"name":"at","type":"Timestamp"},' +
        '{"name":"cents","type":"Int64"},{"name":"user_id","type":"String"}]}',
    )
  })

  it('tells what has changed', () => {
    const before = textOf({ inputSchema, postProcessor })
    const changes: [object, string][] = [
      [{ inputSchema, postProcessor: () => ({}) }, 'the post-processor has changed'],
      [
        { inputSchema: { ...inputSchema, seconds: t.Int32() }, postProcessor },
        'inputFields.seconds.type: Int64 → Int32',
      ],
      [
        { inputSchema: { ...inputSchema, note: t.String() }, postProcessor },
        'inputFields.note is new',
      ],
      [{}, 'the post-processor is gone'],
    ]
    for (const [change, difference] of changes) {
      assert.equal(describeDifference(before, textOf(change)), difference)
    }
    assert.equal(describeDifference(textOf({}), before), 'the post-processor is new')
  })
})
