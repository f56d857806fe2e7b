/**
 * A client within the process: the same frames and the same session, without a socket between.
 *
 * Ingest and reads of a program that embeds the daemon take this way, so that they mean what they
 * mean to a remote client: a receipt is durable and applied, a read sees what was receipted.
 */
import { randomUUID } from 'node:crypto'
import { MillraceError } from '../base/errors.ts'
import { systemEnvironment } from '../client/environment.ts'
import { resolveOptions } from '../client/options.ts'
import { Producer } from '../client/producer.ts'
import {
  Reader,
  type FeatureVector,
  type JoinKeys,
  type KeyedFeatureVector,
} from '../client/reader.ts'
import type { Receipt } from '../client/receipt.ts'
import type { ReadOptions } from '../model/contracts.ts'
import { decodeServerFrame, encodeHello } from '../wire/protocol.ts'
import type { Connection } from '../wire/session-options.ts'
import type { Session } from '../wire/session.ts'

export class EmbeddedClient {
  readonly #producer: Producer
  readonly #reader: Reader
  readonly #session: Session

  constructor(connect: (connection: Connection) => Session) {
    const producer = `embedded-${randomUUID()}`
    const environment = systemEnvironment()
    const options = resolveOptions({ url: 'ws://embedded', producer })
    this.#producer = new Producer(options.publish, environment)
    this.#reader = new Reader(options.readTimeoutMs, environment)
    this.#session = connect({
      // A turn later, as from a socket: neither side is called back from within its own call.
      send: (bytes) => {
        setImmediate(() => this.#received(bytes))
      },
      close: (_code, reason) => this.#fail(new MillraceError('CLIENT_REFUSED', { reason })),
      pause: () => {},
      resume: () => {},
      bufferedBytes: 0,
    })
    this.#session.received(encodeHello({ producer, epoch: null, sdk: 'embedded' }))
  }

  ingest(source: string, events: readonly unknown[]): Promise<Receipt> {
    return this.#producer.publish(source, events)
  }

  get(service: string, keys: readonly JoinKeys[], options?: ReadOptions): Promise<FeatureVector[]> {
    return this.#reader.read(service, keys, options)
  }

  query(service: string, key: JoinKeys, options?: ReadOptions): Promise<KeyedFeatureVector[]> {
    return this.#reader.query(service, key, options)
  }

  /** Takes nothing more and waits for every receipt and answer. */
  async drain(): Promise<void> {
    await Promise.all([this.#producer.flush(), this.#reader.idle()])
    this.close(new MillraceError('CLIENT_CLOSED'))
  }

  /** Ends now: what has no answer yet, and every later call, gets the error. */
  close(error: MillraceError): void {
    this.#fail(error)
    this.#session.disconnected()
  }

  #received(bytes: Uint8Array): void {
    const frame = decodeServerFrame(bytes)
    if (frame === null) return
    const send = (sent: Uint8Array): void => {
      setImmediate(() => this.#session.received(sent))
    }
    switch (frame.kind) {
      case 'welcome':
        this.#producer.connected(frame, send)
        this.#reader.connected(send)
        return
      case 'ack':
        this.#producer.acknowledged(frame)
        return
      case 'nack':
        this.#producer.refused(frame)
        return
      case 'features':
        this.#reader.answered(frame)
        return
      case 'error':
        this.#reader.refused(frame)
        return
      case 'goaway':
      case 'flushed':
        return
    }
  }

  #fail(error: MillraceError): void {
    this.#producer.fail(error)
    this.#reader.fail(error)
  }
}
