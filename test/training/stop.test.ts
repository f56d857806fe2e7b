/**
 * Training sets that are stopped, or fail half way: nothing of them is left.
 */
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { trainingSetCommand } from '../../src/cli/training-set.ts'
import { buildCatalog } from '../../src/define/catalog.ts'
import { openDatabase } from '../../src/duckdb/database.ts'
import { ofSchema } from '../../src/training/of-schema.ts'
import { resolveTrainingOptions } from '../../src/training/options.ts'
import { runPass } from '../../src/training/pass.ts'
import type { PassPool } from '../../src/training/pool.ts'
import { makeTrainingSet } from '../../src/training/training-set.ts'
import { sold } from '../fixtures/till-sales.ts'
import { testIo } from '../helpers/io.ts'
import { temporaryDirectory } from '../helpers/temporary.ts'

const catalog = buildCatalog([sold])

/** Makes a set by such passes; returns what has become of it, and what is left. */
async function failed(t: TestContext, run: PassPool['run'], signal: AbortSignal) {
  const dir = await temporaryDirectory(t)
  const [spine, tempIn] = [join(dir, 'spine.csv'), join(dir, 'temporary')]
  await mkdir(tempIn)
  await writeFile(spine, 'till,at\nt1,2024-05-01 11:00:00\n')
  const out = join(dir, 'out.csv')
  const asked = { features: [], service: 'sold', spine, out, threads: 1, signal }
  const options = resolveTrainingOptions(asked)
  const pool = { run, close: () => Promise.resolve() }
  const thrown = await makeTrainingSet({ options, catalog, pool, tempIn }).then(
    () => assert.fail('it was made'),
    (error: unknown) => error,
  )
  return { thrown, left: [...(await readdir(dir)).toSorted(), ...(await readdir(tempIn))] }
}

test('of a set that is stopped nothing is left, and the reason is thrown', async (t) => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const { thrown, left } = await failed(
    t,
    async (task) => {
      const result = await runPass(ofSchema(catalog), task)
      stop.abort(reason)
      return result
    },
    stop.signal,
  )
  assert.equal(thrown, reason)
  assert.deepEqual(left, ['spine.csv', 'temporary'])
})

test('of a set whose pass fails nothing is left', async (t) => {
  const { thrown, left } = await failed(
    t,
    (task) => runPass(ofSchema(catalog), { ...task, keysFile: join(task.outFile, 'none') }),
    new AbortController().signal,
  )
  assert.equal((thrown as { code?: string }).code, 'QUERY_FAILED')
  assert.deepEqual(left, ['spine.csv', 'temporary'])
})

test('a query is ended by the signal, not waited for', async () => {
  const stop = new AbortController()
  const database = await openDatabase({
    threads: 1,
    memoryBytesMax: 2 ** 28,
    signal: stop.signal,
  })
  // It would take years.
  const answer = database.rows('SELECT sum(hash(n)) FROM range(1000000000000000) v(n)')
  const ended = assert.rejects(answer, { name: 'AbortError' })
  setImmediate(() => stop.abort())
  await ended
  await assert.rejects(database.run('SELECT 1'), { name: 'AbortError' })
  await database.close()
})

test('a signal stops the command, whose exit code tells which', async () => {
  const io = testIo()
  const run = trainingSetCommand(async ({ signal }) => {
    io.signal('SIGINT')
    assert.equal(signal?.aborted, true)
    throw signal.reason
  })
  const args = ['features.ts', '--service', 's', '--spine', 'a.csv', '--out', 'b.csv']
  assert.equal(await run(args, io), 130)
  assert.deepEqual(io.errLines, ['millrace: stopped; nothing is made'])
  assert.equal(io.listeners(), 0)
})
