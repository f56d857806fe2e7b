/**
 * A way in for events for tests that push none.
 */
import type { PushPort } from '../../src/model/contracts.ts'

export const noPush: PushPort = {
  push: () => Promise.reject(new Error('nothing is pushed here')),
  check: () => Promise.reject(new Error('nothing is pushed here')),
  withKey: () => noPush,
}
