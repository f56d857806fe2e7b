/**
 * What a lane was sent to apply and has not answered, so that it can be sent again to the thread
 * that comes after one that has died.
 *
 * A message is answered when all of its events are counted or rejected, and the batches hear of it
 * then. So what has been answered is never told again, and what has not is told by whoever counts
 * it: nothing twice, and nothing not at all. The dead thread may have stored events of a message
 * that it has not answered. They are not counted again, and what it did not count of them stands
 * in its checkpoint, from which it is added to the answer.
 *
 * Thread: main.
 */
import { assert } from '../base/assert.ts'
import type { BatchRejections, FromShard, ShardOpened, ToShard } from '../model/message.ts'

type Apply = Extract<ToShard, { kind: 'apply' }>
type Applied = Extract<FromShard, { kind: 'applied' }>

export class Unanswered {
  readonly #messages: Apply[] = []
  /** Of the messages that are sent again: what was not counted in an earlier life. */
  #kept: readonly BatchRejections[] = []
  #answered = 0

  /** Journal position up to which everything that was sent has been answered. */
  get answered(): number {
    return this.#answered
  }

  /** The messages, in order. */
  get messages(): readonly Apply[] {
    return this.#messages
  }

  sent(message: Apply): void {
    this.#messages.push(message)
  }

  /** Takes note of an answer, and completes it. */
  complete(answer: Applied): Applied {
    const message = this.#messages.shift()
    assert(message?.id === answer.id, 'a lane answers in order')
    this.#answered = message.routed
    if (this.#kept.length === 0) return answer
    const told = this.#kept.filter(({ position }) => position <= message.routed)
    this.#kept = this.#kept.filter(({ position }) => position > message.routed)
    return { ...answer, rejected: [...told, ...answer.rejected] }
  }

  /** The shards have been opened again; what they have kept of the messages is theirs to tell. */
  reopened(shards: readonly ShardOpened[]): void {
    this.#kept = shards
      .flatMap(({ unrecorded }) => unrecorded)
      .filter(({ position }) => position > this.#answered)
  }
}
