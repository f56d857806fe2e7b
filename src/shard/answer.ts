/**
 * Answers the reads of one message from the shards of a lane.
 *
 * What goes wrong with an answer is told to who has asked; only that read has failed. A read whose
 * values come to more than anybody may ask for is given up as soon as that is seen, before the rest
 * of it is looked at: neither this thread nor the one that writes the answer is kept from others.
 */
import { answerBytesMax } from '../base/limits.ts'
import { bytesOfValues } from '../model/answer-bytes.ts'
import type { PackedAnswers, PackedQueries, ReadFailure, ReadResult } from '../model/message.ts'
import { packAnswers, QueryCursor } from '../model/read-packing.ts'
import { plainFailure } from './lane-failure.ts'
import type { Shard } from './shard.ts'

const tooLarge: ReadFailure = { failure: null }

/** The shards of a lane, by number. */
type Shards = ReadonlyMap<number, Pick<Shard, 'admit' | 'read'>>

export function answerReads(shards: Shards, queries: PackedQueries): PackedAnswers {
  const answers: (ReadResult | ReadFailure)[] = []
  const cursor = new QueryCursor(queries)
  for (const end of queries.ends) {
    const first = answers.length
    for (let bytes = 0; answers.length < end && cursor.next();) {
      const answer = bytes > answerBytesMax ? tooLarge : answerOf(shards, cursor)
      answers.push(answer)
      if ('failure' in answer) continue
      bytes += bytesOfValues(answer.values)
      if (bytes > answerBytesMax) giveUp(answers, first)
    }
  }
  return packAnswers(queries, answers)
}

/** What was answered of the read would only be carried on to be thrown away. */
function giveUp(answers: (ReadResult | ReadFailure)[], first: number): void {
  for (let n = first; n < answers.length; n++) answers[n] = tooLarge
}

function answerOf(shards: Shards, query: QueryCursor): ReadResult | ReadFailure {
  const shard = shards.get(query.shard)!
  // This changes state, and would leave it half changed.
  shard.admit(query.about)
  try {
    return shard.read(query.about, query)
  } catch (thrown) {
    return { failure: plainFailure(thrown) }
  }
}
