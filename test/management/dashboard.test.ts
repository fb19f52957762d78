import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Asset } from '#lib/management/route.js'
import { managed } from './support.js'

const files: Record<string, Asset> = {
  '/dashboard': { contentType: 'text/html; charset=utf-8', body: '<p>ü</p>' },
  '/dashboard/app.js': { contentType: 'text/javascript', body: Buffer.from('run()') },
}

test('the page and its files, with what keeps other pages out', async (t) => {
  const api = await managed(t, {}, { assets: (path) => files[path] })
  const { status, headers, text } = await api.call('GET', '/dashboard')
  assert.deepEqual([status, headers['content-type'], text], [200, 'text/html; charset=utf-8', '<p>ü</p>'])
  assert.equal(
    headers['content-security-policy'],
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  )
  assert.deepEqual([headers['x-content-type-options'], headers['cache-control']], ['nosniff', 'no-cache'])
  const script = await api.call('GET', '/dashboard/app.js?v=1')
  assert.deepEqual([script.status, script.headers['content-type'], script.text], [200, 'text/javascript', 'run()'])
})

test('what did not change is not sent again', async (t) => {
  let body = 'one'
  const api = await managed(t, {}, { assets: () => ({ contentType: 'text/html', body }) })
  const tag = (await api.call('GET', '/dashboard')).headers.etag!
  for (const known of [tag, `W/${tag}`, `"x", ${tag}`]) {
    const again = await api.call('GET', '/dashboard', { headers: { 'if-none-match': known } })
    assert.deepEqual([again.status, again.text, again.headers.etag], [304, '', tag], known)
  }
  body = 'two'
  assert.equal((await api.call('GET', '/dashboard', { headers: { 'if-none-match': tag } })).text, 'two')
})

test('only plain names are looked up', async (t) => {
  const asked: string[] = []
  const assets = (path: string) => {
    asked.push(path)
    return undefined
  }
  const api = await managed(t, {}, { assets })
  for (const file of ['%2e%2e', '..', '..%2fsecret', 'a%2fb', '.env', 'a%00b', '%5cwindows', 'a/b']) {
    const { status, json } = await api.call('GET', `/dashboard/${file}`)
    assert.deepEqual([status, json.error.code], [404, 'not_found'], file)
  }
  assert.deepEqual(asked, [])
  assert.equal((await api.call('GET', '/dashboard/missing.js')).status, 404)
  assert.deepEqual(asked, ['/dashboard/missing.js'])
})

test('Dashboard Off', async (t) => {
  const api = await managed(t, { dashboard: false }, { assets: (path) => files[path] })
  assert.equal((await api.call('GET', '/dashboard')).status, 404)
  assert.equal((await api.call('GET', '/dashboard/app.js')).status, 404)
  const { status, headers } = await api.call('GET', '/dashboard/')
  assert.deepEqual([status, headers.location], [404, undefined])
})

test('a slash behind the page leads to the page, also under a path of another proxy', async (t) => {
  const api = await managed(t, { token: 'secret' }, { assets: (path) => files[path] })
  for (const method of ['GET', 'HEAD']) {
    for (const path of ['/dashboard/', '/dashboard/?pool=web']) {
      const { status, headers, text } = await api.call(method, path)
      assert.deepEqual([status, text, headers['cache-control']], [308, '', 'no-cache'], `${method} ${path}`)
      const at = (base: string): string => new URL(headers.location!, base).pathname
      assert.equal(at(`http://localhost${path}`), '/dashboard')
      assert.equal(at(`http://localhost/behind/a/prefix${path}`), '/behind/a/prefix/dashboard')
    }
  }
  assert.equal((await api.call('POST', '/dashboard/')).status, 405)
})
