/**
 * The routes of verification: that it is to begin, and what has come of it.
 */
import type { FastifyInstance } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import { verifiedKeysMax, verifiedKeysStandard } from '../base/limits.ts'
import type { VerifyPort, VerifyRequest } from '../model/certificate.ts'
import { isWireMap } from '../model/convert.ts'
import { requires } from './http-access.ts'
import { refuseOtherMethods } from './http.ts'
import { verificationOperation, verifyOperation } from './verify-operations.ts'

export function addVerify(app: FastifyInstance, port: VerifyPort): void {
  const told = () => {
    const { isRunning, runs, failure, last } = port
    return { isRunning, runs, failure, certificate: last }
  }
  // A difference is explained with the values of events.
  app.get('/v1/verify', requires('administer', verificationOperation), told)
  app.post('/v1/verify', requires('administer', verifyOperation), (request, reply) => {
    // What comes of it is told by the other route.
    port.verify(requestOf(request.body)).catch(() => undefined)
    reply.code(202)
    return told()
  })
  refuseOtherMethods(app, ['/v1/verify'], ['GET', 'HEAD', 'POST'])
}

function requestOf(body: unknown): VerifyRequest {
  if (!isWireMap(body)) throw invalid('body', 'is not a JSON object')
  const { keys = verifiedKeysStandard, seed = 0, ...others } = body
  for (const name of Object.keys(others)) throw invalid(name, 'is not known here')
  return {
    keysMax: wholeOf('keys', keys, 1, verifiedKeysMax),
    seed: wholeOf('seed', seed, 0, 2 ** 31 - 1),
  }
}

function wholeOf(path: string, value: unknown, min: number, max: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number
  }
  throw invalid(path, `is not a whole number from ${min} to ${max}`)
}

function invalid(path: string, reason: string): MillraceError {
  return new MillraceError('REQUEST_INVALID', { path, reason })
}
