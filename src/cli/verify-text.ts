/**
 * A certificate as people read it.
 */
import { printable } from '../base/errors.ts'
import type {
  Certificate,
  CertifiedView,
  Difference,
  ExplainedEvent,
} from '../model/certificate.ts'

export function certificateLines(certificate: Certificate): readonly string[] {
  const { definitions, journal, events, loggedEvents, views } = certificate
  const { difference, seed, startedAt, tookMs } = certificate
  const logged = loggedEvents === 0 ? '' : `, ${loggedEvents} of the offline log`
  const isSample = views.some((view) => view.isSample)
  return [
    verdictLine(certificate),
    ...views.map((view) => `  ${viewLine(view)}`),
    `journal ${journal.from} to ${journal.to}, ${events} events${logged}`,
    `definitions ${definitions}`,
    `${startedAt}, in ${tookMs} ms${isSample ? `, keys drawn by seed ${seed}` : ''}`,
    ...(difference === null ? [] : differenceLines(difference)),
  ]
}

/** A certificate of which nothing could be compared is none. */
function verdictLine({ isEqual, views }: Certificate): string {
  if (!isEqual) return 'what is served DIFFERS'
  const isCompared = views.some(({ equal }) => equal > 0)
  return isCompared ? 'what is served is what the journal says' : 'no value could be compared'
}

function viewLine(certified: CertifiedView): string {
  const { view, keys, isSample, equal, different, uncertified, completeFrom } = certified
  const more = isSample ? ' of more' : ''
  const gone = `that events of before ${completeFrom} decide, which are gone`
  const open = uncertified === 0 ? '' : `, ${uncertified} ${gone}`
  return `${view}: ${keys} keys${more}, ${equal} values equal, ${different} different${open}`
}

function differenceLines(difference: Difference): readonly string[] {
  const { view, feature, key, edge, served, counted, events, eventsBefore } = difference
  return [
    `${view}.${feature} of ${shown(key)} at ${edge}:`,
    `  served ${stated(served)}, counted again ${stated(counted)}`,
    ...(eventsBefore === 0 ? [] : [`  ${eventsBefore} events before these`]),
    ...events.map((event) => `  ${eventLine(event)}`),
  ]
}

function eventLine(event: ExplainedEvent): string {
  const { arrived, producer, epoch, sequence, origin, time, value, verdict, after } = event
  const from = origin === null ? `${printable(producer)}/${epoch}/${sequence}` : printable(origin)
  return `${arrived} ${from} at ${time ?? '?'}: ${shown(value)} ${verdict} → ${stated(after)}`
}

function stated({ state, value }: Difference['served']): string {
  return state === 'present' ? shown(value) : state
}

function shown(value: unknown): string {
  return printable(JSON.stringify(value))
}
