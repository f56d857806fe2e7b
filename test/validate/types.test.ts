/**
 * Declared type × value on the wire, cell by cell.
 *
 * Method: the values of the reference of types, in all their encodings, against a table that is
 * written by hand. That the ways which do not take the decoder agree with it is `ways.test.ts`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createDoor, createEventDoor, sampleField, sourceWith } from '../../docs/types/door.ts'
import type { Verdict } from '../../docs/types/door.ts'
import * as family from '../../docs/types/families.ts'
import { absent, nil, type Sample } from '../../docs/types/samples.ts'
import type { Value } from '../../src/model/types.ts'
import { expectedContainers, expectedEvents } from '../helpers/expected-containers.ts'
import * as expected from '../helpers/expected-types.ts'
import { plain } from '../helpers/plain.ts'

function textOf(verdict: Verdict): string {
  return 'code' in verdict ? `${verdict.code} ${verdict.path}` : 'taken'
}

const tables: Readonly<
  Record<string, [readonly string[], readonly Sample[], readonly expected.Row[]]>
> = {
  'every kind of value': [Object.keys(family.everyType), family.everyKind, expected.expectedKinds],
  numbers: [family.numberTypes, family.numbers, expected.expectedNumbers],
  'text and Bool': [family.textTypes, family.texts, expected.expectedTexts],
  times: [family.timeTypes, family.times, expected.expectedTimes],
}

for (const [title, [types, samples, rows]] of Object.entries(tables)) {
  test(`${title}: each cell is what is written by hand, nullable or not`, () => {
    assert.deepEqual(
      samples.map(({ name }) => name),
      rows.map(([name]) => name),
    )
    for (const [column, name] of types.entries()) {
      for (const nullable of [false, true]) {
        const door = createDoor({ ...family.everyType[name]!, nullable })
        for (const [n, sample] of samples.entries()) {
          const cell = rows[n]![column + 1]!
          const verdict = door(sample)
          const where = `${name} ← ${sample.name}`
          if (typeof cell === 'symbol') {
            const path = cell.description === 'EVENT_DECODE' ? '' : `/${sampleField}`
            assert.equal(textOf(verdict), `${cell.description} ${path}`, where)
          } else {
            assert.equal(textOf(verdict), 'taken', where)
            assert.deepEqual(plain((verdict as { value: Value }).value), cell, where)
          }
        }
      }
    }
  })
}

test('null and absence are null for a nullable type, and else two different faults', () => {
  for (const type of Object.values(family.everyType)) {
    const door = createDoor(type)
    assert.deepEqual(door(nil), { code: 'EVENT_FIELD_TYPE', path: '/v' })
    assert.deepEqual(door(absent), { code: 'EVENT_FIELD_MISSING', path: '/v' })
    const nullable = createDoor({ ...type, nullable: true })
    assert.deepEqual(nullable(nil), { value: null })
    assert.deepEqual(nullable(absent), { value: null })
  }
})

test('containers: each cell is what is written by hand, with the path of the fault', () => {
  assert.deepEqual(Object.keys(family.containers), Object.keys(expectedContainers))
  for (const [name, type] of Object.entries(family.containerTypes)) {
    const rows = expectedContainers[name]!
    const door = createDoor(type)
    const samples = family.containers[name]!
    assert.deepEqual(
      samples.map((sample) => sample.name),
      rows.map(([sample]) => sample),
    )
    for (const [n, sample] of samples.entries()) {
      const outcome = rows[n]![1]
      const verdict = door(sample)
      const where = `${name} ← ${sample.name}`
      if (typeof outcome === 'object' && outcome !== null && 'refused' in outcome) {
        assert.equal(textOf(verdict), outcome.refused, where)
      } else {
        assert.equal(textOf(verdict), 'taken', where)
        assert.deepEqual(plain((verdict as { value: Value }).value), outcome, where)
      }
    }
  }
})

test('events: each is taken or refused as is written by hand', () => {
  const door = createEventDoor(sourceWith(family.scalarOf('Int64', true)))
  assert.deepEqual(
    family.events.map((event) => {
      const verdict = door(event)
      return [event.name, 'code' in verdict ? textOf(verdict) : null]
    }),
    expectedEvents,
  )
})
