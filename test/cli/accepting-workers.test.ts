import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { AcceptingWorkers } from '#lib/cli/accepting-workers.js'
import { systemClock } from '#lib/clock.js'
import type { WorkersOptions } from '#lib/workers/options.js'
import { certificates } from '../support/certificates.js'
import { found } from '../support/managed-command.js'
import { freePorts, noOpenssl } from '../support/network.js'

const plain = { token: undefined, certificate: undefined, certificateKey: undefined }
const logger = { info: () => {}, warn: () => {}, error: (line: string) => assert.fail(line) }
const gate = { accept: () => false }

/** The first line of the answer to somebody who is no worker; undefined without any. */
function answer(port: number, tls: boolean): Promise<string | undefined> {
  return new Promise((resolve) => {
    const to = { port, host: '127.0.0.1' }
    const socket = tls ? connectTls({ ...to, ca: certificates().ca, servername: 'localhost' }) : connect(to)
    socket.on(tls ? 'secureConnect' : 'connect', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
    socket.on('data', (chunk: Buffer) => resolve(chunk.toString().split('\r\n')[0]))
    socket.on('error', () => resolve(undefined))
    socket.on('close', () => resolve(undefined))
  })
}

test('another certificate at the same address is taken only when the reload is certain', {
  skip: noOpenssl,
}, async (t) => {
  const [port] = (await freePorts(1)) as [number]
  const accepting = new AcceptingWorkers(gate, logger, systemClock)
  t.after(() => accepting.close())
  const listen: WorkersOptions['listen'] = { host: '127.0.0.1', port, socketPath: undefined }
  ;(await accepting.prepare({ listen, ...plain })).commit()
  assert.equal(accepting.url, `http://127.0.0.1:${port}`)
  const { cert, key } = certificates().localhost
  const secure = { listen, token: undefined, certificate: cert, certificateKey: key }

  await (await accepting.prepare(secure)).undo()
  assert.match((await answer(port, false)) ?? '', /^HTTP\/1\.1 426/)

  ;(await accepting.prepare(secure)).commit()
  await found(async () => ((await answer(port, true))?.startsWith('HTTP/1.1 426') ? true : undefined), 'TLS')
  assert.equal(accepting.url, `https://127.0.0.1:${port}`)
  assert.equal(await answer(port, false), undefined)
})

test('what is unchanged but for its token stays open', async (t) => {
  const accepting = new AcceptingWorkers(gate, logger, systemClock)
  t.after(() => accepting.close())
  const listen = { host: '127.0.0.1', port: 0, socketPath: undefined }
  ;(await accepting.prepare({ listen, ...plain })).commit()
  const { url } = accepting
  ;(await accepting.prepare({ listen, ...plain, token: 'secret' })).commit()
  assert.equal(accepting.url, url)
  ;(await accepting.prepare({ ...plain, listen: undefined })).commit()
  assert.equal(accepting.url, undefined)
})
