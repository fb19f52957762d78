import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { ManagedCommand } from '../support/managed-command.js'
import { request } from '../support/rig.js'
import { deadPort, httpServer } from '../support/upstream.js'
import { eventually, Wire } from '../support/wire.js'

const reloads = 10

/** Counts the connections that a server accepts. */
function counted(server: Server): { accepted: number } {
  const count = { accepted: 0 }
  server.on('connection', () => {
    count.accepted++
  })
  return count
}

function answerUpgrades(server: Server): void {
  server.on('upgrade', (req, socket) => {
    const key = `${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    )
    // An echo, byte by byte: frames are the client's concern.
    socket.on('data', (chunk) => socket.write(chunk))
    socket.on('end', () => socket.end())
    socket.on('error', () => {})
  })
}

async function upgraded(port: number): Promise<Wire> {
  const wire = await Wire.connect(port)
  wire.write(
    'GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  assert.equal((await wire.head()).status, 101)
  return wire
}

/** Reloads by both ways in turn, each time with another entry that has nothing to do with the rest of `conf`. */
async function reloadAgainAndAgain(
  proxy: ManagedCommand,
  conf: string,
  after: (i: number) => Promise<void>,
): Promise<void> {
  for (let i = 1; i <= reloads; i++) {
    const other = `[PROXY_ENTRY other]\nMatch /other/*\nServerList 127.0.0.1:${i}\n`
    proxy.write(i % 2 === 0 ? `${conf}${other}` : `${other}${conf}`)
    if (i % 3 === 0) assert.equal((await proxy.call('POST', '/reload')).status, 200)
    else assert.match(await proxy.hangUp(), /^reloaded proxy\.conf: .*entry other/)
    await after(i)
  }
}

test('WebSockets and downloads of entries that did not change survive reloads', async (t) => {
  const answers: ServerResponse[] = []
  const { server, url } = await httpServer(t, (_, res) => {
    res.writeHead(200)
    res.write('0')
    answers.push(res)
  })
  answerUpgrades(server)
  const conf = `[PROXY_ENTRY all]\nMatch /chat /file\nServerList ${url}\n`
  const proxy = await ManagedCommand.start(t, conf)
  const socket = await upgraded(proxy.port)
  t.after(() => socket.destroy())
  const download = request({ port: proxy.port, path: '/file' })
  download.catch(() => {})
  await eventually(() => answers.length === 1, 'the download to begin')
  await reloadAgainAndAgain(proxy, conf, async (i) => {
    // A text frame of one letter, masked with zeros.
    const frame = Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61 + i])
    socket.write(frame)
    assert.deepEqual(await socket.bytes(frame.length), frame)
    answers[0]!.write(String(i))
  })
  answers[0]!.end(' end')
  assert.equal((await download).body, '012345678910 end')
  assert.equal((await proxy.servers()).find(({ id }) => id.endsWith(url))?.connections, 1)
  proxy.command.signal('SIGTERM')
  assert.deepEqual([...(await socket.bytes(4))], [0x88, 2, 1001 >> 8, 1001 & 255])
  socket.end()
  assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
})

test('a download of an entry that is gone after a reload ends well', async (t) => {
  const answers: ServerResponse[] = []
  const [{ url: old }, { url: next }] = [
    await httpServer(t, (_, res) => {
      res.write('old ')
      answers.push(res)
    }),
    await httpServer(t, (_, res) => res.end('new')),
  ]
  const proxy = await ManagedCommand.start(t, `[PROXY_ENTRY old]\nMatch /*\nServerList ${old}\n`)
  const download = request({ port: proxy.port, path: '/' })
  download.catch(() => {})
  await eventually(() => answers.length === 1, 'the download to begin')
  proxy.write(`[PROXY_ENTRY new]\nMatch /*\nServerList ${next}\n`)
  await proxy.hangUp()
  assert.equal((await request({ port: proxy.port, path: '/' })).body, 'new')
  answers[0]!.end('whole')
  assert.equal((await download).body, 'old whole')
})

/** A server whose check fails. */
async function unwell(t: TestContext): Promise<number> {
  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    res.writeHead(req.url === '/health' ? 500 : 200).end('unwell')
  }
  return (await httpServer(t, answer)).port
}

test('states, their reasons and times, and kept connections survive reloads', async (t) => {
  const well = await httpServer(t, (_, res) => res.end('well'))
  // Otherwise it says after how many seconds it closes an unused connection, and the proxy heeds that.
  well.server.keepAliveTimeout = 0
  const connections = counted(well.server)
  const [offline, down, disabled, draining] = [await deadPort(), await unwell(t), await deadPort(), await deadPort()]
  const conf = `[PROXY_ENTRY kept]
Match /kept
ServerList ${well.url}
KeepAliveTimeout 1h
[PROXY_ENTRY passive]
Match /passive
ServerList 127.0.0.1:${offline} 127.0.0.1:${disabled} 127.0.0.1:${draining} ${well.url}
LoadBalance First-Alive
AttemptsCount 1
OfflineTimeOut 1h
KeepAliveTimeout 1h
[PROXY_ENTRY active]
Match /active
ServerList 127.0.0.1:${down}
HealthCheck /health
HealthInterval 100ms
`
  const proxy = await ManagedCommand.start(t, conf)
  for (const [port, state] of [
    [disabled, 'disabled'],
    [draining, 'draining'],
  ] as const) {
    const { status } = await proxy.call('PATCH', `/servers/127.0.0.1/${port}`, { body: { state, weight: 7 } })
    assert.equal(status, 200)
  }
  assert.equal((await request({ port: proxy.port, path: '/passive' })).body, 'well')
  await proxy.isIn('offline', offline)
  await proxy.isIn('down', down)
  assert.equal((await request({ port: proxy.port, path: '/kept' })).body, 'well')
  const picture = async (): Promise<unknown> =>
    (await proxy.servers())
      .filter(({ pool }) => pool !== 'other')
      .map(({ id, pool, state, reason, since, weight }) => ({ id, pool, state, reason, since, weight }))
      .sort((a, b) => `${a.pool}${a.id}`.localeCompare(`${b.pool}${b.id}`))
  const before = await picture()
  const { accepted } = connections
  await reloadAgainAndAgain(proxy, conf, async () => {
    assert.deepEqual(await picture(), before)
    for (const path of ['/kept', '/passive']) assert.equal((await request({ port: proxy.port, path })).body, 'well')
    assert.equal((await request({ port: proxy.port, path: '/active' })).status, 503)
  })
  assert.equal(connections.accepted, accepted)
  // Each change of state is told once.
  const told = proxy.command.stdout.match(/127\.0\.0\.1:\d+ is \w+, was \w+/g) ?? []
  assert.deepEqual(
    told.map((line) => line.replace('127.0.0.1:', '')).sort(),
    [
      `${offline} is offline, was up`,
      `${disabled} is disabled, was up`,
      `${draining} is draining, was up`,
      `${down} is down, was up`,
    ].sort(),
  )
})
