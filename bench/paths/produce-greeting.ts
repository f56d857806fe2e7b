/**
 * What the sink of the `produce` bench tells a producer, with the bounds of a daemon.
 */
import { batchEventsMax, eventBytesMax, frameBytesMax } from '../../src/base/limits.ts'
import type { WelcomeFrame } from '../../src/wire/protocol.ts'

export function greeting(producer: string | null): WelcomeFrame {
  return {
    kind: 'welcome',
    version: 1,
    server: 'sink',
    producer,
    epoch: 1,
    isExpired: false,
    lastSequence: -1,
    credits: { events: 100_000, bytes: 16 * 1024 * 1024 },
    limits: {
      frameBytes: frameBytesMax,
      batchEvents: batchEventsMax,
      eventBytes: eventBytesMax,
    },
    heartbeatMs: 60_000,
    sources: [],
    services: [],
  }
}
