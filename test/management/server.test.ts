import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ManagementServer } from '#lib/management/server.js'
import { ManualClock } from '../support/clock.js'
import { MemoryControl } from '../support/control.js'
import { eventually, Wire, within } from '../support/wire.js'
import { managed, optionsOf } from './support.js'

function serverAt(listen: string | false, more: object = {}): ManagementServer {
  const logger = { info() {}, warn() {}, error() {} }
  const options = optionsOf({ listen })
  return new ManagementServer({
    options,
    logger,
    clock: new ManualClock(),
    version: '1',
    control: new MemoryControl(),
    ...more,
  })
}

test('an address that is taken is told', async (t) => {
  const api = await managed(t)
  const second = serverAt(`127.0.0.1:${api.port}`)
  await assert.rejects(second.listen(), {
    message:
      `the management API cannot listen on http://127.0.0.1:${api.port}: the address is in use; ` +
      `take another port, or "ss -ltnp sport = :${api.port}" shows by which process`,
  })
  await second.close()
})

test('addresses that cannot be are told', async () => {
  for (const [listen, message] of [
    ['192.0.2.1:0', /this machine has no address 192\.0\.2\.1/],
    ['no-such-host.invalid:0', /no address is known for the name no-such-host\.invalid/],
    [
      'unix:/nonexistent/folder/p.sock',
      /cannot listen on unix:\/nonexistent\/folder\/p\.sock: (?:its folder does not exist|permission denied)/,
    ],
    [false, /has no address; set Listen/],
  ] as const) {
    const server = serverAt(listen)
    await assert.rejects(server.listen(), { message })
    await server.close()
  }
})

test('a Unix socket', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'management-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'p.sock')
  const cleared: string[] = []
  const clearSocket = async (file: string): Promise<void> => void cleared.push(file)
  const api = await managed(t, { listen: `unix:${path}` }, { clearSocket })
  assert.deepEqual([api.url, cleared], [`unix:${path}`, [path]])
  assert.equal((await api.call('GET', '/servers')).status, 200)
  assert.equal((await api.call('POST', '/reload')).status, 200)
  assert.deepEqual(api.log, ['management: POST /reload by a Unix socket'])
  const second = serverAt(`unix:${path}`)
  await assert.rejects(second.listen(), /another process listens there, or one that died has left it behind/)
  await second.close()
  await api.server.close()
  assert.equal(existsSync(path), false)
})

test('IPv6', async (t) => {
  const api = await managed(t, { listen: '[::1]:0' }).catch(() => undefined)
  if (api === undefined) return t.skip('there is no IPv6 on this machine')
  assert.match(api.url, /^http:\/\/\[::1\]:\d+$/)
  const wire = await Wire.connect({ port: api.port, host: '::1' })
  wire.write(`GET /healthz HTTP/1.1\r\nHost: [::1]:${api.port}\r\n\r\n`)
  assert.equal((await wire.message()).status, 200)
  wire.destroy()
})

test('close is idempotent, also before listen, and leaves no timer', async () => {
  const clock = new ManualClock()
  const never = serverAt('127.0.0.1:0', { clock })
  await Promise.all([never.close(), never.close()])
  const server = serverAt('127.0.0.1:0', { clock })
  const listening = server.listen()
  await Promise.all([server.close(), server.close()])
  const url = await listening
  await assert.rejects(Wire.connect(Number(new URL(url).port)), /ECONNREFUSED|connection/)
  assert.equal(clock.pending, 0)
})

test('close cuts unused connections: those kept alive, and those that never asked anything', async (t) => {
  const api = await managed(t)
  const silent = await Wire.connect(api.port)
  const half = await Wire.connect(api.port)
  half.write('GET /servers HTTP/1.1\r\nHost: loc')
  const used = await Wire.connect(api.port)
  used.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await used.message()
  const agent = new Agent({ keepAlive: true })
  await new Promise((resolve, reject) => {
    const req = request({ port: api.port, host: '127.0.0.1', path: '/servers', agent }, (res) =>
      res.resume().on('end', resolve),
    )
    req.on('error', reject).end()
  })
  await within(api.server.close(), 'the end of the API')
  for (const wire of [silent, half, used]) await wire.atClose()
  agent.destroy()
})

test('close lets a call under way end', async (t) => {
  const control = new MemoryControl()
  let answer = (): void => {}
  const waiting = new Promise<void>((resolve) => {
    answer = resolve
  })
  control.reload = () => waiting
  const api = await managed(t, {}, { control })
  const wire = await Wire.connect(api.port)
  wire.write('POST /reload HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const healthy = await Wire.connect(api.port)
  healthy.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await healthy.message()
  const closed = api.server.close()
  await healthy.atClose()
  answer()
  const { status, field } = await wire.message()
  // Or the client might send its next call there.
  assert.deepEqual([status, field('connection')], [200, 'close'])
  await within(closed, 'the end of the API')
  assert.equal(api.clock.pending, 0)
})

test('what is no HTTP gets its error in JSON, and the end of the connection', async (t) => {
  const api = await managed(t)
  const cases: [request: string, status: number, code: string][] = [
    ['nonsense\r\n\r\n', 400, 'bad_request'],
    ['POST /servers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400, 'bad_request'],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'head_too_large'],
  ]
  for (const [text, status, code] of cases) {
    const wire = await Wire.connect(api.port)
    wire.write(text)
    const answer = await wire.message()
    assert.deepEqual(
      [answer.status, answer.field('content-type'), JSON.parse(answer.text).error.code],
      [status, 'application/json', code],
    )
    wire.end()
    await wire.atClose()
  }
  await eventually(() => api.clock.pending === 0, 'the end of the timers')
})

test('a client that sends on after a bad head still gets the answer, once', async (t) => {
  const api = await managed(t)
  const wire = await Wire.connect(api.port)
  wire.write(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(1_000_000)}`)
  assert.equal((await wire.message()).status, 431)
  assert.equal(await wire.atEnd(), '')
  wire.write('y'.repeat(1_000_000))
  wire.end()
  await wire.atClose()
  await eventually(() => api.clock.pending === 0, 'the end of the timers')
})

test('an upgrade is answered as the request that it is', async (t) => {
  const api = await managed(t)
  const wire = await Wire.connect(api.port)
  wire.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  assert.equal((await wire.message()).status, 200)
  wire.destroy()
})
