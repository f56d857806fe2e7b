/**
 * The numbers of what a daemon does with its past beside its work, as `/metrics` tells them: the
 * offline log, and verification.
 *
 * Thread: main.
 */
import type { Clock } from '../base/clock.ts'
import type { Sample, Sight } from '../metrics/sights.ts'
import type { Certificate } from '../model/certificate.ts'
import type { OfflineLog } from './offline-log.ts'
import type { Verification } from './verification.ts'

export interface PastParts {
  readonly clock: Clock
  readonly offline: Pick<OfflineLog, 'progress'>
  readonly verification: Pick<Verification, 'outcomes' | 'last'>
}

export function pastSights(parts: PastParts): readonly Sight[] {
  return [...offlineSights(parts), ...verificationSights(parts)]
}

/** Nothing of a daemon of whose sources none has an offline log. */
function offlineSights({ offline }: PastParts): readonly Sight[] {
  type Progress = NonNullable<OfflineLog['progress']>
  const gauge = (name: string, help: string, valueOf: (progress: Progress) => number): Sight => ({
    name: `millrace_offline_${name}`,
    help,
    kind: 'gauge',
    labels: [],
    look: () => {
      const { progress } = offline
      return progress === null ? [] : [{ labels: {}, value: valueOf(progress) }]
    },
  })
  return [
    gauge('position', 'Journal position up to which the offline log has every event.', (each) => {
      return each.exported
    }),
    gauge('lag_bytes', 'Journal that is not in the offline log yet.', (each) => each.behindBytes),
    gauge('rows', 'Rows of the offline log since it was begun.', (each) => each.rows),
    gauge('gaps', 'Parts of the journal that the offline log will never have.', (each) => {
      return each.gaps.length
    }),
    gauge('failing', '1 while the offline log cannot be written.', (each) => {
      return each.failure === null ? 0 : 1
    }),
  ]
}

function verificationSights({ clock, verification }: PastParts): readonly Sight[] {
  /** Of the last certificate; nothing before the first. */
  const ofLast = (
    about: Pick<Sight, 'name' | 'help' | 'labels'>,
    samplesOf: (last: Certificate) => readonly Sample[],
  ): Sight => ({
    ...about,
    kind: 'gauge',
    look: () => (verification.last === null ? [] : samplesOf(verification.last)),
  })
  const single = (name: string, help: string, valueOf: (last: Certificate) => number): Sight =>
    ofLast({ name: `millrace_verification_${name}`, help, labels: [] }, (last) => [
      { labels: {}, value: valueOf(last) },
    ])
  return [
    {
      name: 'millrace_verifications_total',
      help: 'Verifications of what is served, by outcome.',
      kind: 'counter',
      labels: ['outcome'],
      look: () =>
        Object.entries(verification.outcomes).map(([outcome, value]) => ({
          labels: { outcome },
          value,
        })),
    },
    single('age_seconds', 'How long ago the last certificate was begun.', ({ startedAt }) => {
      return (clock.nowMs() - Date.parse(startedAt)) / 1000
    }),
    single('seconds', 'How long the last certificate took.', ({ tookMs }) => tookMs / 1000),
    single('events', 'Events that were counted again for it.', ({ events }) => events),
    ofLast(
      {
        name: 'millrace_verification_values',
        help: 'Values of the last certificate that were equal, different or not certified.',
        labels: ['view', 'outcome'],
      },
      ({ views }) =>
        views.flatMap(({ view, equal, different, uncertified }) =>
          Object.entries({ equal, different, uncertified }).map(([outcome, value]) => ({
            labels: { view, outcome },
            value,
          })),
        ),
    ),
  ]
}
