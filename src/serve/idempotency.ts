/**
 * `Idempotency-Key`: a client's word for one request, so that it can be sent again when its answer
 * was lost.
 *
 * Two requests are the same when their keys and all that they say are: path, content type, body. A
 * key is one of the API key that it came with: clients that know nothing of each other may well
 * count from 1.
 */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import { idempotencyKeyLengthMax } from '../base/http-limits.ts'
import type { PushPort } from '../model/contracts.ts'

type Asked = Pick<FastifyRequest, 'grant' | 'headers' | 'url'> & { readonly body: Buffer }

/**
 * Where the events of a request are pushed.
 *
 * @throws MillraceError `REQUEST_INVALID`, `IDEMPOTENCY_KEY_REUSED`
 */
export function pushFor(push: PushPort, request: Asked): PushPort {
  const key = request.headers['idempotency-key']
  if (key === undefined) return push
  if (typeof key !== 'string' || key.length > idempotencyKeyLengthMax || !/^[!-~ ]+$/.test(key)) {
    const reason = `is not 1 to ${idempotencyKeyLengthMax} printable ASCII characters`
    throw new MillraceError('REQUEST_INVALID', { path: 'Idempotency-Key', reason })
  }
  const { owner } = request.grant
  const own = owner === '' ? key : `${owner}\n${key}`
  return push.withKey({ key: own, digest: digestOf(request) })
}

/** 16 bytes are enough that no two requests are taken for one. */
function digestOf({ url, headers, body }: Asked): string {
  const hash = createHash('sha256').update(`${url}\n${headers['content-type'] ?? ''}\n`)
  return hash.update(body).digest().toString('base64url', 0, 16)
}
