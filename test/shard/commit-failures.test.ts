/** What nobody waits for in a shard thread: told twice of a commit, left by user code, or a bug. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { reasonOf } from '../../src/base/errors.ts'

const modules = {
  commits: new URL('../../src/shard/commit-failures.js', import.meta.url).href,
  user: new URL('../../src/base/user-context.js', import.meta.url).href,
}

/** Runs the source in a thread that judges strays as a shard thread does. */
async function outcomeOf(source: string): Promise<string> {
  const text = `
    const { parentPort } = await import('node:worker_threads')
    const { hearCommitFailures } = await import(${JSON.stringify(modules.commits)})
    const { guardUserCode, runUserCode } = await import(${JSON.stringify(modules.user)})
    hearCommitFailures()
    guardUserCode()
    ${source}
    setImmediate(() => setImmediate(() => parentPort.postMessage('lives')))`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(text)}`), {
    // Warnings of user code are of another test.
    stderr: true,
  })
  try {
    await once(worker, 'message')
    return 'lives'
  } catch (thrown) {
    return `dies: ${reasonOf(thrown)}`
  } finally {
    await worker.terminate()
  }
}

const commitFails = `
  let reject
  const commitError = new Promise((_, refuse) => (reject = refuse))
  void Promise.reject(Object.assign(new Error('Commit failed'), { commitError }))
  void Promise.reject(Object.assign(new Error('Commit failed'), { commitError }))
  reject(new Error('ENOSPC'))`

test('a failed commit told to nobody ends no thread', async () => {
  assert.equal(await outcomeOf(commitFails), 'lives')
})

test('what user code leaves ends none either, and each judge knows its own', async () => {
  assert.equal(
    await outcomeOf(`${commitFails}
      runUserCode(() => void Promise.reject(new Error('stray')))
      runUserCode(() => setImmediate(() => { throw new Error('stray') }))`),
    'lives',
  )
})

test('whatever else nobody waits for ends the thread, a rejection or a throw', async () => {
  assert.equal(await outcomeOf(`void Promise.reject(new Error('a bug'))`), 'dies: a bug')
  assert.equal(
    await outcomeOf(`process.nextTick(() => { throw new Error('a bug') })`),
    'dies: a bug',
  )
  assert.equal(
    await outcomeOf(`void Promise.reject(Object.assign(new Error('a bug'), { commitError: 1 }))`),
    'dies: a bug',
  )
})
