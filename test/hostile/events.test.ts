/**
 * Bad events between good ones, against a daemon with somebody in it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode } from '@msgpack/msgpack'
import { besiege, marker, orderOf } from '../helpers/bystander.ts'
import { readHttp } from '../helpers/daemons.ts'
import { RawPeer } from '../helpers/raw-peer.ts'
import { eventRows, oddKeys, orderOfStore } from './event-rows.ts'
import { nameOf, rowOptions } from './rows.ts'

const good = encode(orderOf(2))

interface Ledger {
  readonly entries: readonly { readonly code: string; readonly message: string }[]
  readonly summary: {
    readonly counts: readonly { readonly rejected: number; readonly partial: number }[]
  }
}

async function ledgerOf(url: string): Promise<Ledger> {
  return (await (await fetch(`${url}/v1/ledger?limit=1000`)).json()) as Ledger
}

test('a bad event is rejected for itself, and the good ones around it count', async (t) => {
  const daemon = await besiege(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'hostile')
  let sequence = 0
  for (const row of eventRows) {
    await t.test(nameOf(row), rowOptions, async () => {
      peer.publish('orders', sequence, [good, row.event, good])
      const { rejects } = await peer.acked(sequence + 2)
      const expected = row.outcome === null ? [] : [[sequence + 1, ...row.outcome]]
      sequence += 3
      assert.deepEqual(rejects, expected)
      await daemon.check()
    })
  }
  const [row] = await readHttp(daemon.url, 'user_orders', { user_id: 2 })
  assert.equal(row!.values['orders_30d'], String(2 * eventRows.length))
  assert.equal(Object.hasOwn(Object.prototype, 'x'), false)
  const { entries, summary } = await ledgerOf(daemon.url)
  const codes = eventRows.flatMap(({ outcome }) => (outcome === null ? [] : [outcome[0]]))
  assert.deepEqual(
    entries.map(({ code }) => code),
    codes,
  )
  assert.equal(
    summary.counts.reduce((sum, { rejected, partial }) => sum + rejected + partial, 0),
    codes.length,
  )
  for (const { message } of entries) {
    assert.ok(message.length <= 257 && !message.includes(marker), message)
  }
})

test('M36: bad events alone are all in the ledger, and what follows them is taken', async (t) => {
  const daemon = await besiege(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'hostile')
  // How late an event may be is told by those before it, and here there are none.
  const isBad = (code: string | undefined) => code !== undefined && code !== 'EVENT_TOO_LATE'
  const bad = eventRows.filter(({ outcome }) => isBad(outcome?.[0]))
  peer.publish(
    'orders',
    0,
    bad.map(({ event }) => event),
  )
  const { rejects } = await peer.acked(bad.length - 1)
  assert.deepEqual(
    rejects.map(([n, code]) => [n, code]),
    bad.map(({ outcome }, n) => [n, outcome![0]]),
  )
  assert.equal((await ledgerOf(daemon.url)).entries.length, bad.length)
  peer.publish('orders', bad.length, [good])
  assert.deepEqual((await peer.acked(bad.length)).rejects, [])
  await daemon.check()
})

test('M18: a key is kept as it came, and none is taken for another', async (t) => {
  const daemon = await besiege(t)
  const { peer } = await RawPeer.open(t, daemon.url, 'hostile')
  peer.publish('orders', 0, oddKeys.map(orderOfStore))
  assert.deepEqual((await peer.acked(oddKeys.length - 1)).rejects, [])
  const rows = await readHttp(daemon.url, 'store_orders', ...oddKeys.map((store) => ({ store })))
  for (const [n, row] of rows.entries()) assert.equal(row.values['orders_1h'], '1', oddKeys[n])
  await daemon.check()
})

test('P11: a producer named __proto__ is a producer', async (t) => {
  const daemon = await besiege(t)
  const { peer } = await RawPeer.open(t, daemon.url, '__proto__')
  peer.publish('orders', 0, [good, Uint8Array.of(0xc1)])
  assert.equal((await peer.acked(1)).rejects.length, 1)
  const { summary } = await ledgerOf(daemon.url)
  assert.deepEqual(summary.counts, [
    { producer: '__proto__', source: 'orders', code: 'EVENT_DECODE', rejected: 1, partial: 0 },
  ])
  await daemon.check()
})
