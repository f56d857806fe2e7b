/**
 * That every bad input of the list is tried somewhere, or that somebody says why not.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { projectFiles } from '../helpers/repository.ts'
import { definitionRows } from './definition-rows.ts'
import { eventRows } from './event-rows.ts'
import { frameRows } from './frame-rows.ts'
import { handshakeRows, requestRows } from './http-rows.ts'
import { nameOf, type Row } from './rows.ts'
import { elsewhere, kinds, leftOut, leftOutPage } from './table.ts'
import { websocketRows } from './websocket-rows.ts'

const rows: readonly Row[] = [
  ...handshakeRows,
  ...requestRows,
  ...websocketRows,
  ...frameRows,
  ...eventRows,
  ...definitionRows,
]

const texts = new Map(projectFiles().map(({ path, text }) => [path, text]))

test('every bad input is tried, or left out with a reason, and never both', () => {
  const ids = Object.entries(kinds).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, n) => `${kind}${n + 1}`),
  )
  assert.equal(ids.length, 124)
  const tried = new Set([...rows.map(({ id }) => id), ...elsewhere.map(([id]) => id)])
  for (const id of ids) {
    assert.notEqual(tried.has(id), Object.hasOwn(leftOut, id), id)
  }
  const known = new Set(ids)
  for (const id of [...tried, ...Object.keys(leftOut)]) {
    assert.ok(known.has(id), id)
  }
})

test('no two rows have one name', () => {
  const names = rows.map(nameOf)
  const again = names.filter((name, n) => names.indexOf(name) < n)
  assert.deepEqual(again, [])
})

test('what is tried elsewhere is there', () => {
  for (const [id, file, name] of elsewhere) {
    assert.ok(texts.get(`test/${file}`)?.includes(`('${name}'`), `${id}: ${name}`)
  }
})

test('what is left out has its reason on a page', () => {
  const page = texts.get(leftOutPage)!
  for (const words of Object.values(leftOut)) assert.ok(page.includes(`**${words}**`), words)
})
