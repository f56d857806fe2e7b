import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reasonOfThrown } from '../../src/base/user-context.ts'
import { promiseProblem } from '../../src/validate/user-code.ts'

const rejected = (): Promise<never> => Promise.reject(new Error('nobody waits'))

test('a promise is found wherever it is, and does not fail unheard', () => {
  const cyclic: unknown[] = []
  cyclic.push([cyclic, cyclic], { x: rejected() })
  class Late extends Promise<never> {}
  for (const [result, path] of [
    [rejected(), ''],
    [Late.reject(new Error('late')), ''],
    [[{ x: 1 }, rejected(), rejected()], ' at /1'],
    [{ x: 1, 'a/b': rejected(), y: rejected() }, ' at /a~1b'],
    [[{ list: [1, { deep: new Map([['k', rejected()]]) }] }], ' at /0/list/1/deep/k'],
    [cyclic, ' at /1/x'],
  ] as const) {
    const sentence = `it returned a promise${path}, and a transform is a plain function`
    assert.equal(promiseProblem(result, 'transform'), sentence)
  }
})

test('what has no promise in it has no problem with one', () => {
  const shared = { a: [1n, 'x', null] }
  const cyclic: unknown[] = [shared, shared]
  cyclic.push(cyclic, new Map([['k', cyclic]]), new URL('a:b'), () => {})
  for (const result of [undefined, 5, 'text', shared, [shared, shared], cyclic, /x/]) {
    assert.equal(promiseProblem(result, 'transform'), null)
  }
})

test('anything that is thrown has a reason', () => {
  const message = {
    toString(): string {
      throw new Error('no')
    },
  }
  for (const thrown of [message, Object.assign(new Error('x'), { message })]) {
    assert.equal(reasonOfThrown(thrown), 'an object without a message')
  }
  assert.equal(reasonOfThrown(Object.assign(new Error('x'), { message: 5 })), '5')
  assert.equal(reasonOfThrown(null), 'null')
  assert.equal(reasonOfThrown(Symbol('s')), 'Symbol(s)')
})
