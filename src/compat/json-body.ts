/**
 * Bodies of clients that do not say what they send: JSON, whatever the content type or without one.
 *
 * An integer that is too long for a double becomes its decimal text: an entity key must not turn
 * into that of somebody else on its way, and wherever an integer is taken, its text is, too.
 */
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import { addAnyType } from './any-type.ts'

/** From here on, every body of the routes of `app` is parsed as JSON; none is null. */
export function addJsonBody(app: FastifyInstance): void {
  addAnyType(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => {
    try {
      done(null, parseJson(body as Buffer))
    } catch (thrown) {
      done(thrown as Error)
    }
  })
}

/**
 * Parses a body.
 *
 * @throws MillraceError `REQUEST_INVALID`
 */
export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw bodyInvalid('is empty')
  if (!isUtf8(bytes)) throw bodyInvalid('is not UTF-8')
  const text = bytes.toString()
  try {
    return JSON.parse(/\d{16}/.test(text) ? withQuotedIntegers(text) : text)
  } catch (cause) {
    throw bodyInvalid('is not JSON', cause)
  }
}

/**
 * A string, which is passed over, or an integer of so many digits that a double may not be it, and
 * that is no name. A string that does not end goes up to the end of the text: were it no match, the
 * text behind each of its quotes would be looked through again.
 */
const stringOrLongInteger =
  /"(?:[^"\\]|\\[^])*(?:"|\\?$)|(?<![\d.eE+-])(-?[1-9]\d{15,})(?![\d.eE]|\s*:)/g

function withQuotedIntegers(text: string): string {
  return text.replace(stringOrLongInteger, (whole, integer?: string) =>
    integer === undefined ? whole : `"${integer}"`,
  )
}

function bodyInvalid(reason: string, cause?: unknown): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path: 'body', reason }, { cause })
}
