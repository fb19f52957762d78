import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exampleFile, start } from './program.js'

let folder = ''

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'pointsman-tls-'))
  // The command as the example tells it.
  const [, args = ''] = /^\/\/ {3}openssl (.*)$/m.exec(readFileSync(exampleFile('tls.mjs'), 'utf8')) ?? []
  execFileSync('openssl', args.split(' '), { cwd: folder, stdio: 'ignore' })
})

after(() => rmSync(folder, { recursive: true }))

test('tls: HTTP/1.1 over TLS', async (t) => {
  const { url } = await start(t, 'tls.mjs', folder)
  const ca = readFileSync(join(folder, 'cert.pem'))
  const req = https.get(url, { ca, agent: false })
  const [res] = await once(req, 'response')
  assert.equal(res.statusCode, 200)
  assert.equal(res.httpVersion, '1.1')
  const body = Buffer.concat(await res.toArray()).toString()
  assert.equal(body, `The client came by https to ${new URL(url).host}\n`)
})

test('tls: HTTP/2', async (t) => {
  const { url } = await start(t, 'tls.mjs', folder)
  const session = http2.connect(url, { ca: readFileSync(join(folder, 'cert.pem')) })
  t.after(() => session.destroy())
  const get = async (path: string): Promise<void> => {
    const stream = session.request({ ':path': path })
    const [headers] = await once(stream, 'response')
    assert.equal(headers[':status'], 200)
    assert.equal(headers.connection, undefined)
    const body = Buffer.concat(await stream.toArray()).toString()
    assert.equal(body, `The client came by https to ${new URL(url).host}\n`)
  }
  await Promise.all(['/a', '/b', '/c'].map(get))
  assert.equal(session.alpnProtocol, 'h2')
})

test('tls: a client that does not know the certificate is refused', async (t) => {
  const { url } = await start(t, 'tls.mjs', folder)
  const [error] = await once(https.get(url, { agent: false }), 'error')
  assert.match(error.code, /SELF_SIGNED|UNABLE_TO_VERIFY/)
})

test('tls: without a certificate it says what to do', () => {
  const empty = mkdtempSync(join(tmpdir(), 'pointsman-tls-'))
  const { status, stderr } = spawnSync(process.execPath, [exampleFile('tls.mjs')], { cwd: empty, encoding: 'utf8' })
  rmSync(empty, { recursive: true })
  assert.equal(status, 1)
  assert.match(stderr, /no cert\.pem/)
})
