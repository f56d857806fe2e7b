import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMaintenance } from '../../src/base/maintenance.ts'

test('work that fails ends nothing, and is told once for as long as it fails', async () => {
  const told: string[] = []
  const tell = (fields: object, message: string): void => {
    told.push(`${message} ${JSON.stringify(fields)}`)
  }
  const maintain = createMaintenance({ info: tell, error: tell }, 'tidying')
  const fail = (): Promise<void> => Promise.reject(new Error('too many open files'))
  let done = 0
  const succeed = (): Promise<number> => Promise.resolve((done += 1))
  for (const work of [succeed, fail, fail, succeed, succeed, fail]) await maintain(work)
  assert.equal(done, 3)
  const failed = 'maintenance fails {"what":"tidying","reason":"too many open files"}'
  assert.deepEqual(told, [failed, 'maintenance succeeds again {"what":"tidying"}', failed])
})
