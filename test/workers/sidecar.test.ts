/** `pointsman worker`: a server of any language, through the sidecar. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createHttp2Server } from 'node:http2'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { certificates } from '../support/certificates.js'
import { noOpenssl } from '../support/network.js'
import { folder } from '../support/process.js'
import { deadPort, httpServer, RawServer } from '../support/upstream.js'
import { eventually, within } from '../support/wire.js'
import { ask, openYard, upload, type Yard } from './support.js'

const program = fileURLToPath(new URL('worker-command.js', import.meta.url))

/** The command as a process, and what it has written. */
interface Sidecar {
  readonly signal: (name: NodeJS.Signals) => void
  readonly exited: Promise<unknown[]>
  output: string
}

function sidecar(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Sidecar {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  const running: Sidecar = {
    signal: (name) => child.kill(name),
    exited: once(child, 'close').then(([code]) => [code]),
    output: '',
  }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      running.output += text
    })
  }
  t.after(async () => {
    child.kill('SIGKILL')
    await running.exited
  })
  return running
}

async function joins(yard: Yard, instance = 'w1'): Promise<void> {
  await eventually(() => yard.gate.workers.some((worker) => worker.instance === instance), 'the sidecar to join')
}

test('requests reach the server, bodies too, and the end is orderly', async (t) => {
  const yard = await openYard(t, { services: ['api'], options: { token: 'secret' } })
  const waiting: { end(text: string): void }[] = []
  const server = await httpServer(t, async (req, res) => {
    if (req.url === '/wait') return void waiting.push(res)
    const body = Buffer.concat(await req.toArray())
    res.end(`${req.method} ${req.url} ${req.headers.host} ${body.length}`)
  })
  const args = ['--join', yard.url, '--to', server.url, '-s', 'api', '--instance', 'w1', '--weight', '7']
  const running = sidecar(t, args, { POINTSMAN_TOKEN: 'secret' })
  await joins(yard)
  assert.deepEqual(yard.gate.workers, [{ service: 'api', instance: 'w1', weight: 7 }])
  const api = yard.upstream('w1', 'api')
  const send = (given: Parameters<Yard['send']>[1]): ReturnType<Yard['send']> => yard.sendTo(api, given)
  const plain = send({ target: '/a', headers: ['Host', 'site.test'] })
  await plain.over()
  assert.equal(plain.body, 'GET /a site.test 0')
  const posted = send({ method: 'POST', headers: ['Host', 'h'], hasBody: true })
  await upload(posted, Buffer.alloc(100_000), 30)
  await posted.over()
  assert.equal(posted.body, 'POST / h 3000000')
  const late = send({ target: '/wait' })
  await eventually(() => waiting.length === 1, 'the request')
  running.signal('SIGTERM')
  await eventually(() => yard.gate.workers.length === 0, 'the notice')
  waiting[0]?.end('late')
  await late.over()
  assert.equal(late.body, 'late')
  assert.deepEqual(await within(running.exited, 'the end'), [0])
  assert.match(running.output, /worker api\/w1: requests go to 127\.0\.0\.1:\d+\n/)
  assert.match(running.output, /worker api\/w1 has joined http:\/\/127\.0\.0\.1:\d+, process p1\n/)
  assert.match(running.output, /SIGTERM: finishing what is under way; a second signal ends it at once\n/)
  assert.match(running.output, /stopped\n$/)
})

test('a server that is not there costs its requests, and nothing else', async (t) => {
  const yard = await openYard(t)
  const running = sidecar(t, ['--join', yard.url, '--to', `127.0.0.1:${await deadPort()}`, '--instance', 'w1'])
  await joins(yard)
  for (let i = 0; i < 2; i++) {
    const sent = await ask(yard, 'w1')
    // Nobody has seen it: any request may go to another worker.
    assert.equal(sent.error?.retry, 'anywhere')
  }
  await eventually(() => /failed a request: .*ECONNREFUSED/.test(running.output), 'a line in the log')
  assert.equal(running.output.match(/failed a request/g)?.length, 1)
})

test('a kept connection that the server has closed is replaced', async (t) => {
  const yard = await openYard(t)
  let connections = 0
  const server = await RawServer.listen(t, async (wire) => {
    connections++
    await wire.until('\r\n\r\n')
    wire.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    // The next request finds the end of the connection.
    await wire.until('\r\n\r\n')
    wire.destroy()
  })
  sidecar(t, ['--join', yard.url, '--to', server.url, '--instance', 'w1'])
  await joins(yard)
  assert.equal((await ask(yard, 'w1')).body, 'ok')
  assert.equal((await ask(yard, 'w1')).body, 'ok')
  assert.equal(connections, 2)
})

test('a server of HTTP/2, with trailers', async (t) => {
  const yard = await openYard(t)
  const server = createHttp2Server().on('stream', (stream) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.end('h2c')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  sidecar(t, ['--join', yard.url, '--to', `h2c://127.0.0.1:${port}`, '--instance', 'w1'])
  await joins(yard)
  const sent = await ask(yard, 'w1', { headers: ['Host', 'h', 'TE', 'trailers'] })
  assert.deepEqual([sent.body, sent.trailers], ['h2c', ['grpc-status', '0']])
})

test('over TLS with --ca', { skip: noOpenssl }, async (t) => {
  const { ca, localhost } = certificates()
  const yard = await openYard(t, { options: { certificate: localhost.cert, certificateKey: localhost.key } })
  const server = await httpServer(t, (_req, res) => res.end('ok'))
  const path = folder(t, { 'ca.pem': ca })
  sidecar(t, ['--join', yard.url, '--to', server.url, '--ca', `${path}/ca.pem`, '--instance', 'w1'])
  await joins(yard)
  assert.equal((await ask(yard, 'w1')).body, 'ok')
})

test('a worker that is killed is gone at once, and its requests fail', async (t) => {
  const yard = await openYard(t)
  const server = await httpServer(t, () => {})
  const running = sidecar(t, ['--join', yard.url, '--to', server.url, '--instance', 'w1'])
  await joins(yard)
  const sent = yard.send('w1')
  await sent.when('connected')
  running.signal('SIGKILL')
  await sent.over()
  assert.equal(sent.error?.code, 'ERR_CONNECTION_LOST')
  await eventually(() => yard.gate.workers.length === 0, 'its end')
})

const misuses: [args: string[], code: number, message: RegExp][] = [
  [[], 2, /--to is missing/],
  [['--to', 'ftp://h'], 2, /--to: unknown scheme "ftp"/],
  [['--to', 'h:1*3'], 2, /--to: the weight of a worker is given with --weight/],
  [['--to', 'worker:a/b'], 2, /--to: a worker cannot stand before a worker/],
  [['--to', 'worker:api'], 2, /--to: "worker:api" stands for several servers.*; name one, such as 127\.0\.0\.1:3000/],
  [['--to', 'dns:api:80'], 2, /--to: "dns:api:80" stands for several servers/],
  [['--to', '1', '--join', 'h'], 2, /--join: the port is missing in "h"/],
  [['--to', '1', '--service', 'a b'], 2, /--service: "a b" is no name/],
  [['--to', '1', '--weight', '0'], 2, /--weight: a whole number from 1 to 1000/],
  [['--to', '1', '--token', 'a b'], 2, /--token: this is no token/],
  [['--to', '1', '--ca', 'nothing.pem'], 1, /--ca: no authorities can be read from nothing\.pem: ENOENT/],
]

for (const [args, code, message] of misuses) {
  test(`usage: pointsman worker ${args.join(' ')}`, async (t) => {
    const running = sidecar(t, args)
    assert.deepEqual(await within(running.exited, 'the end'), [code])
    assert.match(running.output, message)
  })
}
