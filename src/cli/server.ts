/**
 * JSON over HTTP with a running daemon, for the commands that ask it something.
 */
import { errorTable, MillraceError, printable, reasonOf, type ErrorCode } from '../base/errors.ts'

const timeoutMs = 30_000

/** A daemon, and the key to come with; null where it asks for none. */
export interface Server {
  readonly url: string
  readonly apiKey: string | null
}

/**
 * What the daemon answers at a path.
 *
 * @throws {@link MillraceError} with the server's own code and message when it refuses; else
 * `CLIENT_UNREACHABLE`, `CLIENT_TIMEOUT`, or `CLIENT_REFUSED` when no Millrace answers there.
 */
export async function fetchJson(server: Server, path: string): Promise<unknown> {
  return answerOf(server, await request(server, path))
}

/** What the daemon answers to a JSON body at a path; throws likewise. */
export async function postJson(server: Server, path: string, body: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' }
  return answerOf(server, await request(server, path, { headers, body: JSON.stringify(body) }))
}

async function answerOf({ url }: Server, response: Response): Promise<unknown> {
  const body = await bodyOf(response)
  if (response.ok && body !== undefined) return body
  throw refusalOf(body) ?? notMillrace(url, response.status)
}

/** A POST where there is something to send. */
async function request(
  { url, apiKey }: Server,
  path: string,
  sent: { readonly headers: Record<string, string>; readonly body: string } | null = null,
): Promise<Response> {
  const headers = {
    ...sent?.headers,
    ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
  }
  const init = sent === null ? {} : { method: 'POST', body: sent.body }
  try {
    return await fetch(`${url}${path}`, {
      ...init,
      headers,
      signal: AbortSignal.timeout(timeoutMs),
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'TimeoutError') {
      throw new MillraceError('CLIENT_TIMEOUT', { timeoutMs }, { cause: error })
    }
    // fetch says only "fetch failed"; the socket's own error is its cause.
    const cause = error instanceof Error && error.cause ? error.cause : error
    throw new MillraceError('CLIENT_UNREACHABLE', { url, reason: connectReason(cause) }, { cause })
  }
}

/** The system's code when there is one: an AggregateError of several addresses has no message. */
function connectReason(cause: unknown): string {
  const { code } = cause as { code?: unknown }
  return reasonOf(cause) === '' && typeof code === 'string' ? code : reasonOf(cause)
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The error in a body such as `{ "error": { "code", "message" } }`; null when there is none. */
function refusalOf(body: unknown): MillraceError | null {
  const { code, message } = (body as Partial<ErrorBody> | null | undefined)?.error ?? {}
  if (typeof code !== 'string' || !Object.hasOwn(errorTable, code)) return null
  return new MillraceError(code as ErrorCode, {}, { message: printable(String(message), 2000) })
}

interface ErrorBody {
  readonly error: { readonly code?: unknown; readonly message?: unknown }
}

function notMillrace(url: string, status: number): MillraceError {
  const reason = `HTTP ${status} from ${url}, which is not a Millrace daemon`
  return new MillraceError('CLIENT_REFUSED', { reason })
}
