import assert from 'node:assert/strict'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Sent } from '../../support/carriage.js'
import { certificates } from '../../support/certificates.js'
import { answer, H2Server } from '../../support/h2-server.js'
import { upstreamTo } from './support.js'

const { ca, localhost, inner, client } = certificates()

describe('h2://', () => {
  test('agrees on HTTP/2 by ALPN, and names the server', async (t) => {
    const server = await H2Server.listen(t, answer, {}, localhost)
    const sent = new Sent(upstreamTo(t, `h2://localhost:${server.port}`, { upstreamCA: ca }), { headers: [] })
    assert.equal((await sent.over()).at(-1), 'end', sent.error?.message)
    assert.equal(server.sessions[0]?.alpnProtocol, 'h2')
    assert.equal((server.sessions[0]!.socket as TLSSocket & { servername: string }).servername, 'localhost')
    assert.equal(server.arrived[0]?.headers[':scheme'], 'https')
    assert.equal(server.arrived[0]?.headers[':authority'], `localhost:${server.port}`)
  })

  test('a server that agrees on no HTTP/2 is told so', async (t) => {
    for (const ALPNProtocols of [['http/1.1'], undefined]) {
      const server = createHttpsServer({ ...localhost, ...(ALPNProtocols && { ALPNProtocols }) })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.after(() => server.close())
      const { port } = server.address() as AddressInfo
      const sent = new Sent(upstreamTo(t, `h2://localhost:${port}`, { upstreamCA: ca }))
      assert.deepEqual(await sent.over(), ['failed ERR_CONNECT_TLS'])
    }
  })

  test('the certificate of a server is checked', async (t) => {
    const server = await H2Server.listen(t, answer, {}, inner)
    const url = `h2://localhost:${server.port}`
    assert.deepEqual(await new Sent(upstreamTo(t, url)).over(), ['failed ERR_CONNECT_CERTIFICATE'])
    assert.deepEqual(await new Sent(upstreamTo(t, url, { upstreamCA: ca })).over(), ['failed ERR_CONNECT_CERTIFICATE'])
    const named = { upstreamCA: ca, upstreamServerName: 'inner.test' }
    assert.equal((await new Sent(upstreamTo(t, url, named)).over()).at(-1), 'end')
    assert.equal((await new Sent(upstreamTo(t, url, { upstreamVerify: false })).over()).at(-1), 'end')
  })

  test('a certificate of our own is shown where one is asked for', async (t) => {
    const server = await H2Server.listen(t, answer, {}, { ...localhost, requestCert: true, ca })
    const own = { upstreamCA: ca, upstreamCertificate: client.cert, upstreamKey: client.key }
    assert.equal((await new Sent(upstreamTo(t, `h2://localhost:${server.port}`, own)).over()).at(-1), 'end')
    const without = new Sent(upstreamTo(t, `h2://localhost:${server.port}`, { upstreamCA: ca }))
    assert.match((await without.over()).at(-1) ?? '', /^failed ERR_CONNECT_(TLS|FAILED)$/)
  })
})
