/**
 * Every route and every role: who comes in, and who does not, as the documentation has it.
 *
 * The routes are those that a whole daemon adds to its application, heard of as it does.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { roles } from '../../src/access/roles.ts'
import { errorTable } from '../../src/base/errors.ts'
import { apiKeyOf } from '../helpers/api-keys.ts'
import { startDaemon, temporaryDir } from '../helpers/daemons.ts'
import { projectFiles } from '../helpers/repository.ts'
import { startWithRoutes, type Route } from '../helpers/routes.ts'

/** Who may ask for it at least: a role, or `none`. */
type Documented = ReadonlyMap<string, string>

/** What `docs/reference/security.md` says of each route, by its method and path. */
function documentedRoles(): Documented {
  const page = projectFiles().find(({ path }) => path === 'docs/reference/security.md')!.text
  const rows = page.matchAll(/^\| `(\/[^`]*)` +\| ([A-Z, ]+?) +\| (\S+) +\|$/gm)
  return new Map(
    [...rows].flatMap(([, path, methods, role]) =>
      methods!.split(', ').map((method) => [`${method} ${path}`, role!.replaceAll('`', '')]),
    ),
  )
}

/** A daemon with a key for each role, and its routes. */
async function startWithKeys(t: TestContext) {
  const dataDir = await temporaryDir(t)
  const texts = new Map<string, string>()
  for (const role of roles) texts.set(role, await apiKeyOf(dataDir, role))
  const { started, routes } = await startWithRoutes(() => startDaemon(t, { dataDir }))
  return { url: started.url, texts, routes }
}

/** What a request is answered that has nothing but who asks. */
async function ask(url: string, { method, path }: Route, key: string | null) {
  const headers = new Headers({ 'content-type': 'application/json' })
  if (key !== null) headers.set('authorization', `Bearer ${key}`)
  const init = { method, headers, ...(method === 'POST' && { body: '{}' }) }
  // A viewer may only have events checked.
  const query = path === '/v1/events/:source' ? '?dryRun=true' : ''
  const response = await fetch(url + path.replaceAll(/:\w+/g, 'user_orders') + query, init)
  return { status: response.status, challenge: response.headers.get('www-authenticate') }
}

test('every route is for those whom the documentation says', async (t) => {
  const { url, texts, routes } = await startWithKeys(t)
  const documented = documentedRoles()
  const found = routes.map(({ method, path }) => `${method} ${path}`)
  assert.deepEqual(found.toSorted(), [...documented.keys()].toSorted())
  const wrong = `mr_${'0'.repeat(12)}_${'A'.repeat(43)}`
  for (const route of routes) {
    const least = documented.get(`${route.method} ${route.path}`)!
    assert.ok(least === 'none' || texts.has(least), `${least} is no role`)
    for (const key of [null, '', 'wrong', wrong]) {
      const { status, challenge } = await ask(url, route, key)
      const isRefused = status === errorTable.UNAUTHORIZED.http
      const what = `${route.method} ${route.path} with ${key ?? 'no key'}`
      assert.equal(isRefused, least !== 'none', `${what}: ${status}`)
      assert.equal(challenge?.startsWith('Bearer ') === true, isRefused, what)
    }
    for (const role of roles) {
      const { status } = await ask(url, route, texts.get(role)!)
      const may = least === 'none' || roles.indexOf(role) >= roles.indexOf(least as typeof role)
      const what = `${route.method} ${route.path} as ${role}: ${status}`
      assert.notEqual(status, errorTable.UNAUTHORIZED.http, what)
      assert.equal(status === errorTable.FORBIDDEN.http, !may, what)
    }
  }
})
