import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Config, createProxy } from '#lib/index.js'

async function front(t: TestContext, config: Config) {
  const log: string[] = []
  const write = (level: string) => (message: string) => log.push(`${level} ${message}`)
  const logger = { info: write('info'), warn: write('warn'), error: write('error') }
  const proxy = createProxy(config, { logger })
  const server = createServer(proxy).listen(0, '127.0.0.1')
  t.after(async () => {
    server.close()
    await proxy.close({ timeout: 0 })
  })
  await once(server, 'listening')
  return { proxy, log, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('a request that no entry takes gets the 404 page of the defaults', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pages-'))
  t.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, '404.html'), '<p>Nothing here</p>')
  const defaults = { errorPage: { 404: join(folder, '404.html') } }
  const { url, log } = await front(t, { defaults, entries: [{ match: '/api/*', serverList: '127.0.0.1:1' }] })
  const answer = await fetch(`${url}/else`)
  assert.equal(answer.status, 404)
  assert.equal(await answer.text(), '<p>Nothing here</p>')
  assert.deepEqual(log, [])
})

test('what a client did wrong is told by event and log, with what is wrong about it', async (t) => {
  const entries = [
    { match: '/admin/*', serverList: '127.0.0.1:1' },
    { match: '/*', serverList: '127.0.0.1:1', maxBodySize: 1 },
  ]
  const { url, log, proxy } = await front(t, { entries })
  const codes: string[] = []
  proxy.on('error', ({ code }) => codes.push(code))
  assert.equal((await fetch(`${url}/x%2f..%2fadmin/y`)).status, 400)
  assert.equal((await fetch(`${url}/x`, { method: 'POST', body: 'long' })).status, 413)
  assert.deepEqual(codes, ['ERR_AMBIGUOUS_TARGET', 'ERR_BODY_TOO_LARGE'])
  assert.match(
    log[0] ?? '',
    /^info 400 for GET \/x%2f\.\.%2fadmin\/y: ERR_AMBIGUOUS_TARGET: its path can be read as \//,
  )
  assert.match(log[1] ?? '', /^info 413 for POST \/x by \[entry 2\]: ERR_BODY_TOO_LARGE/)
})

test('who is left out, and why, is told where no server is eligible', async (t) => {
  const entries = [{ match: '/*', serverList: '127.0.0.1:1', attemptsCount: 1, failOpen: false }]
  const { url, log } = await front(t, { entries })
  assert.equal((await fetch(url)).status, 502)
  assert.equal((await fetch(url)).status, 503)
  assert.match(
    log.at(-1) ?? '',
    /^warn 503 .* ERR_NO_SERVER: no server is eligible: http:\/\/127\.0\.0\.1:1 offline for 60 s more$/,
  )
})

test('a configuration is found by its URL', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'conf-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'proxy.conf')
  writeFileSync(file, '[PROXY_ENTRY one]\nMatch /*\nServerList 127.0.0.1:1\n')
  assert.equal(createProxy(pathToFileURL(file)).pools[0]?.name, 'one')
})
