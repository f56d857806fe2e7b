/**
 * What a daemon has counted and recorded, read from outside, and held against the recount.
 */
import assert from 'node:assert/strict'
import { readHttp, type HttpRow } from '../helpers/daemons.ts'
import type { Account } from './oracle.ts'
import { tillName, tillsEach, users } from './sales.ts'

interface Entry {
  readonly id: number
  readonly producer: string
  readonly sequence: number
  readonly code: string
  readonly isPartial: boolean
}

interface LedgerBody {
  readonly entries: readonly Entry[]
  readonly next: number | null
  readonly summary: { readonly entries: number; readonly dropped: number }
}

/**
 * Every event that `expected` was made of is in the state once and in its order, every one that was
 * rejected in the ledger once, and nothing else is anywhere.
 */
export async function assertAccount(
  url: string,
  expected: Account,
  producers: number,
): Promise<void> {
  const actual = { values: await valuesOf(url, producers), ledger: await ledgerOf(url) }
  assert.deepEqual(differences(actual.values, expected.values), [], 'values')
  assert.deepEqual(differences(actual.ledger, expected.ledger), [], 'ledger')
  assert.deepEqual(actual, expected)
}

/** The first lines that one has and the other has not, to be read by people. */
function differences(actual: readonly string[], expected: readonly string[]): string[] {
  const only = (some: readonly string[], others: readonly string[]) => {
    const known = new Set(others)
    return some.filter((line) => !known.has(line)).slice(0, 10)
  }
  const [surplus, missing] = [only(actual, expected), only(expected, actual)]
  return [...missing.map((line) => `expected ${line}`), ...surplus.map((line) => `is ${line}`)]
}

async function valuesOf(url: string, producers: number): Promise<string[]> {
  const userKeys = Array.from({ length: users }, (_, user_id) => ({ user_id }))
  const tillKeys = Array.from({ length: producers * tillsEach }, (_, n) => ({
    till: tillName(Math.floor(n / tillsEach), n % tillsEach),
  }))
  const byUser = await readHttp(url, 'user_sales', ...userKeys)
  const byTill = await readHttp(url, 'till_sales', ...tillKeys)
  const receipts = await readHttp(url, 'till_receipts', ...tillKeys)
  const line = (what: string, { values }: HttpRow, names: readonly string[]): string[] =>
    values['count'] === null ? [] : [`${what}: ${names.map((name) => values[name]).join(' ')}`]
  return [
    ...byUser.flatMap((row, n) => line(`user ${n}`, row, ['count', 'sum', 'max'])),
    ...byTill.flatMap((row, n) =>
      line(`till ${tillKeys[n]!.till}`, row, ['count', 'sum', 'first', 'last']),
    ),
    ...receipts.flatMap((row, n) => line(`receipts ${tillKeys[n]!.till}`, row, ['count', 'sum'])),
  ].toSorted()
}

async function ledgerOf(url: string): Promise<string[]> {
  const entries: Entry[] = []
  let total = 0
  for (let after: number | null = 0; after !== null;) {
    const response = await fetch(`${url}/v1/ledger?limit=1000&after=${after}`)
    const body = (await response.json()) as LedgerBody
    assert.equal(response.status, 200, JSON.stringify(body))
    assert.equal(body.summary.dropped, 0)
    entries.push(...body.entries)
    after = body.next
    total = body.summary.entries
  }
  assert.equal(total, entries.length)
  assert.ok(
    entries.every(({ id, isPartial }, n) => id === n + 1 && !isPartial),
    'entries are numbered without a gap',
  )
  return entries.map(({ producer, sequence, code }) => `${producer} ${sequence} ${code}`).toSorted()
}
