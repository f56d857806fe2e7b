/**
 * A batch without its first events, for a batch of which some events came before.
 */

/** Drops the first `skip` of `count` elements of a msgpack array of `bin`s. */
export function skipEvents(payload: Uint8Array, count: number, skip: number): Uint8Array {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const head = payload[0]!
  let at = head === 0xdd ? 5 : head === 0xdc ? 3 : 1
  for (let event = 0; event < skip; event++) {
    const form = payload[at]!
    if (form === 0xc4) at += 2 + view.getUint8(at + 1)
    else if (form === 0xc5) at += 3 + view.getUint16(at + 1)
    else at += 5 + view.getUint32(at + 1)
  }
  const rest = new Uint8Array(5 + payload.length - at)
  rest[0] = 0xdd
  new DataView(rest.buffer).setUint32(1, count - skip)
  rest.set(payload.subarray(at), 5)
  return rest
}
