/**
 * The parts of a batch's payload, a msgpack array of `bin`s: some of its events, or the last ones.
 */

/** Tells where each of `count` events stands: `payload[start, end)`. */
export function eachEvent(
  payload: Uint8Array,
  count: number,
  event: (index: number, start: number, end: number) => void,
): void {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  let at = arrayHeadBytes(payload)
  for (let index = 0; index < count; index++) {
    const start = at + binHeadBytes(view, at)
    at = start + binBytes(view, at)
    event(index, start, at)
  }
}

/** The events at some places, ascending; views of the payload. */
export function eventsAt(payload: Uint8Array, places: readonly number[]): Uint8Array[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const events: Uint8Array[] = []
  let at = arrayHeadBytes(payload)
  for (let place = 0; events.length < places.length; place++) {
    const start = at + binHeadBytes(view, at)
    at = start + binBytes(view, at)
    if (place === places[events.length]) events.push(payload.subarray(start, at))
  }
  return events
}

/** A msgpack array of `bin`s with these events. */
export function payloadOf(events: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(events.reduce((sum, event) => sum + 5 + event.length, 5))
  const view = new DataView(bytes.buffer)
  view.setUint8(0, 0xdd)
  view.setUint32(1, events.length)
  let at = 5
  for (const event of events) {
    view.setUint8(at, 0xc6)
    view.setUint32(at + 1, event.length)
    bytes.set(event, at + 5)
    at += 5 + event.length
  }
  return bytes
}

/** Drops the first `skip` of `count` elements of a msgpack array of `bin`s. */
export function skipEvents(payload: Uint8Array, count: number, skip: number): Uint8Array {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  let at = arrayHeadBytes(payload)
  for (let event = 0; event < skip; event++) at += binHeadBytes(view, at) + binBytes(view, at)
  const rest = new Uint8Array(5 + payload.length - at)
  rest[0] = 0xdd
  new DataView(rest.buffer).setUint32(1, count - skip)
  rest.set(payload.subarray(at), 5)
  return rest
}

/** Where the event at a place begins, as its `bin`; behind the last one, where the array ends. */
export function eventStarts(payload: Uint8Array, places: readonly number[]): number[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const starts: number[] = []
  let at = arrayHeadBytes(payload)
  for (let place = 0; starts.length < places.length; place++) {
    while (place === places[starts.length]) starts.push(at)
    if (starts.length < places.length) at += binHeadBytes(view, at) + binBytes(view, at)
  }
  return starts
}

function arrayHeadBytes(payload: Uint8Array): number {
  const head = payload[0]!
  return head === 0xdd ? 5 : head === 0xdc ? 3 : 1
}

function binHeadBytes(view: DataView, at: number): number {
  const head = view.getUint8(at)
  return head === 0xc4 ? 2 : head === 0xc5 ? 3 : 5
}

function binBytes(view: DataView, at: number): number {
  const head = view.getUint8(at)
  if (head === 0xc4) return view.getUint8(at + 1)
  return head === 0xc5 ? view.getUint16(at + 1) : view.getUint32(at + 1)
}
