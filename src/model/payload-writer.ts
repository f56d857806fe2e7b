/**
 * Events one behind the other, as the payload of a batch: a msgpack array of `bin`s.
 */
import { MillraceError } from '../base/errors.ts'
import { batchEventsMax } from '../base/limits.ts'
import type { SourceEvents } from './contracts.ts'
import { MsgpackWriter } from './msgpack-writer.ts'

export class PayloadWriter {
  readonly #out: MsgpackWriter
  readonly #array: number
  #count = 0

  /** @param bytesExpected  Bytes of the payload, roughly. */
  constructor(bytesExpected: number) {
    this.#out = new MsgpackWriter(bytesExpected)
    this.#array = this.#out.openLong(0xdd)
  }

  /** Adds an event. @param write  Writes its value. */
  event(write: (out: MsgpackWriter) => void): void {
    const bin = this.#out.openLong(0xc6)
    write(this.#out)
    this.#out.closeLong(bin)
    this.#count += 1
  }

  /** @throws MillraceError `BATCH_TOO_LARGE` */
  take(source: string): SourceEvents {
    const count = this.#count
    if (count > batchEventsMax) {
      throw new MillraceError('BATCH_TOO_LARGE', { count, max: batchEventsMax })
    }
    this.#out.closeLong(this.#array, count)
    return { source, count, payload: this.#out.written }
  }
}
