/**
 * That every fault of the list is made somewhere, or that a page says what becomes of it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { projectFiles } from '../helpers/repository.ts'
import { faultCount, otherwise, otherwisePage, tried } from './table.ts'

const texts = new Map(projectFiles().map(({ path, text }) => [path, text]))

test('every fault is made, or a page says why not', () => {
  const known = new Set([...tried.map(([fault]) => fault), ...Object.keys(otherwise).map(Number)])
  const all = Array.from({ length: faultCount }, (_, n) => n + 1)
  assert.deepEqual(
    [...known].toSorted((a, b) => a - b),
    all,
  )
})

test('the tests that make them are there', () => {
  for (const [fault, file, name] of tried) {
    assert.ok(texts.get(`test/${file}`)?.includes(name), `fault ${fault}: ${file}: ${name}`)
  }
})

test('what ends otherwise has its words on the page', () => {
  const page = texts.get(otherwisePage)!
  for (const words of Object.values(otherwise)) assert.ok(page.includes(`**${words}**`), words)
})
