/**
 * The peers that `ingest` is told beside, each in the same run, while no daemon is running.
 */
import { measureDecode } from './decode.ts'
import type { PeerOptions } from './options.ts'
import { measureRedis } from './redis.ts'
import { measureSink } from './sink.ts'

/** Events/s; null for what is not measured or cannot be here. */
export interface PeerRates {
  readonly decode: number | null
  readonly redisPipeline: number | null
  readonly redisLua: number | null
  /** Of frames of one event: each frame is answered, or those that came together are. */
  readonly sink: number | null
  readonly sinkTogether: number | null
}

export const noRates: PeerRates = {
  decode: null,
  redisPipeline: null,
  redisLua: null,
  sink: null,
  sinkTogether: null,
}

export async function measureRates(options: PeerOptions): Promise<PeerRates> {
  const redis = await measureRedis(options)
  const isSink = options.workload.frameEvents === 1
  return {
    decode: await measureDecode(options),
    redisPipeline: redis?.pipeline ?? null,
    redisLua: redis?.lua ?? null,
    sink: isSink ? await measureSink(options, 'each') : null,
    sinkTogether: isSink ? await measureSink(options, 'together') : null,
  }
}

/** How an ingest compares: its events/s by those of the peers; of Redis the faster way counts. */
export function ratiosOf(eventsPerSecond: number, rates: PeerRates) {
  const { decode, redisPipeline, redisLua, sink } = rates
  const ratioTo = (rate: number | null): number | null =>
    rate === null ? null : Number((eventsPerSecond / rate).toPrecision(3))
  const redis = redisPipeline === null ? redisLua : Math.max(redisPipeline, redisLua ?? 0)
  return {
    ratioToDecode: ratioTo(decode),
    ratioToRedis: ratioTo(redis),
    ratioToSink: ratioTo(sink),
  }
}
