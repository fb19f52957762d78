import assert from 'node:assert/strict'
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { registerBalancer } from '#lib/balancers/registry.js'
import { ConfigError } from '#lib/config/diagnostics.js'
import { configOf, settle, withEachTransport } from '../support/rig.js'
import { deadPort, httpServer, RawServer } from '../support/upstream.js'
import { eventually, type Wire } from '../support/wire.js'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const switching = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
const handshake = 'GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'

withEachTransport((start, transport) => {
  test('close waits for requests under way, refuses new ones, and closes all connections', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url })
    const warm = rig.get('/warm')
    await eventually(() => server.wires.length === 1, 'a connection')
    const wire = server.wires[0] as Wire
    await wire.message()
    wire.write(ok)
    await warm
    const slow = rig.get('/slow')
    await wire.message()
    const closing = rig.proxy.close({ timeout: 10_000 })
    assert.equal(rig.proxy.close(), closing, 'closing again changes nothing')
    const refused = await rig.connect()
    refused.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody')
    const answer = await refused.message()
    assert.equal(answer.status, 503)
    assert.equal(answer.field('connection'), 'close')
    assert.ok(Number(answer.field('retry-after')) >= 1)
    wire.write(ok)
    assert.equal((await slow).status, 200)
    await closing
    await wire.atClose()
    await assert.rejects(rig.proxy.reload(configOf(transport, { serverList: server.url })), /closed/)
    rig.clock.advance(3_600_000)
    assert.equal(rig.clock.pending, 0)
  })

  test('what has not ended in time is cut', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
    })
    const rig = await start(t, { serverList: server.url })
    const client = await rig.connect()
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.until('hello')
    const closing = rig.proxy.close({ timeout: 10_000 })
    rig.clock.advance(9_999)
    await settle()
    assert.equal(client.closed, false)
    rig.clock.advance(1)
    await closing
    await client.atClose()
    await server.wires[0]?.atClose()
    assert.ok(rig.log.some((line) => /cut/.test(line)))
  })

  test('requests that wait in a queue end with the proxy', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url, maxConnections: 1, queueTimeout: 600 })
    const first = rig.get('/1')
    await eventually(() => (server.wires[0]?.received ?? 0) > 0, 'the first')
    const second = rig.get('/2')
    await settle(50)
    const closing = rig.proxy.close({ timeout: 10_000 })
    const wire = server.wires[0] as Wire
    await wire.message()
    wire.write(ok)
    assert.equal((await first).status, 200)
    await eventually(() => server.wires.some((each) => each.unread.includes('/2')), 'the second at the server')
    server.wires.find((each) => each.unread.includes('/2'))?.write(ok)
    assert.equal((await second).status, 200)
    await closing
  })

  test('nothing of ours keeps the process: no socket, no timer', async () => {
    const ours = (): string[] =>
      process.getActiveResourcesInfo().filter((kind) => /TCP|TLS|Timeout|GetAddrInfo/.test(kind))
    await eventually(() => ours().length === 0, 'the tests before to let go')
    const done: (() => unknown)[] = []
    const scope = { after: (each: () => unknown) => done.push(each) }
    const server = await RawServer.listen(scope, async (wire) => {
      for (;;) {
        const { start: line } = await wire.message()
        wire.write(line.includes('/ws') ? switching : ok)
      }
    })
    const rig = await start(scope, { serverList: [server.url, `127.0.0.1:${await deadPort()}`], attemptsCount: 1 })
    for (let i = 0; i < 5; i++) await rig.get('/')
    const client = await rig.connect()
    client.write(handshake)
    await client.head()
    const idle = await rig.connect()
    idle.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    await idle.message()
    const closing = rig.proxy.close({ timeout: 0 })
    rig.clock.advance(0)
    await closing
    idle.destroy()
    client.destroy()
    for (const each of done.reverse()) await each()
    await eventually(() => ours().length === 0, 'everything to be closed')
    rig.clock.advance(3_600_000)
    assert.equal(rig.clock.pending, 0)
  })

  test('reload: requests under way end on the old entry, new ones go to the new', async (t) => {
    const old = await RawServer.listen(t)
    const rig = await start(t, { serverList: old.url })
    const slow = rig.get('/')
    await eventually(() => old.wires.length === 1, 'the request')
    const fresh = await httpServer(t, (_, res) => res.end('new'))
    let reloads = 0
    rig.proxy.on('reload', () => reloads++)
    await rig.proxy.reload(configOf(transport, { serverList: fresh.url }))
    assert.equal(reloads, 1)
    assert.equal((await rig.get('/')).body, 'new')
    const wire = old.wires[0] as Wire
    await wire.message()
    wire.write(ok)
    assert.equal((await slow).body, 'ok')
    await wire.atClose()
    assert.deepEqual(
      rig.proxy.pools.map(({ servers }) => servers.map(({ url }) => url)),
      [[`http://${fresh.url}`]],
    )
  })

  test('reload: servers that stay keep their states and their connections, and WebSockets go on', async (t) => {
    const dead = `127.0.0.1:${await deadPort()}`
    const server = await RawServer.listen(t, async (wire) => {
      for (;;) {
        const { start: line } = await wire.message()
        wire.write(line.includes('/ws') ? switching : ok)
        if (line.includes('/ws')) return
      }
    })
    const rig = await start(t, { serverList: [dead, server.url], attemptsCount: 1 })
    for (let i = 0; i < 3; i++) await rig.get('/')
    const ws = await rig.connect()
    ws.write(handshake)
    await ws.head()
    const tunnel =
      server.wires.find((each) => each.received > 0 && each !== server.wires[0]) ?? (server.wires[0] as Wire)
    const connections = server.wires.length
    await rig.proxy.reload(
      configOf(transport, [
        { match: '/new', serverList: server.url },
        { serverList: [dead, server.url], attemptsCount: 1 },
      ]),
    )
    assert.equal(rig.proxy.pools[1]?.servers[0]?.state, 'offline')
    assert.equal(rig.proxy.pools[1]?.servers[1]?.connections, 1, 'the WebSocket counts on')
    const asked: string[] = []
    rig.proxy.on('request', ({ server: url }) => asked.push(url))
    await rig.get('/')
    await rig.get('/new')
    assert.deepEqual(asked, [`http://${server.url}`, `http://${server.url}`])
    assert.ok(server.wires.length <= connections + 1, 'kept connections go on')
    ws.write('still there')
    await tunnel.until('still there')
    rig.clock.advance(60_000)
    await rig.get('/')
    assert.ok(asked.includes(`http://${dead}`), 'the trial comes at its time')
  })

  test('reload: what does not load changes nothing', async (t) => {
    const { url } = await httpServer(t, (_, res) => res.end('old'))
    const rig = await start(t, { serverList: url })
    await assert.rejects(
      rig.proxy.reload({ entries: [{ match: '/*', serverList: 'bad:address:here', loadBalance: 'Round-Robbin' }] }),
      (error) => error instanceof ConfigError && error.diagnostics.length === 2,
    )
    assert.equal((await rig.get('/')).body, 'old')
    const directory = mkdtempSync(join(tmpdir(), 'pointsman-'))
    t.after(() => rmSync(directory, { recursive: true }))
    const file = join(directory, 'proxy.conf')
    writeFileSync(file, `[PROXY_ENTRY]\nMatch /only\nServerList ${url}\nTransport ${transport}\n`)
    await rig.proxy.reload(file)
    assert.equal((await rig.get('/only')).body, 'old')
    assert.equal((await rig.get('/other')).status, 404)
    assert.ok(rig.proxy.files.some((each) => each.endsWith('proxy.conf')))
  })

  test('reload: requests that wait in a queue of the old configuration get their server', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url, maxConnections: 1 })
    const first = rig.get('/1')
    await eventually(() => (server.wires[0]?.received ?? 0) > 0, 'the first')
    const second = rig.get('/2')
    await settle(50)
    await rig.proxy.reload(configOf(transport, { serverList: `127.0.0.1:${await deadPort()}` }))
    await server.wires[0]?.message()
    server.wires[0]?.write(ok)
    assert.equal((await first).status, 200)
    await eventually(() => server.wires.some((each) => each.unread.includes('/2')), 'the second at the server')
    server.wires.find((each) => each.unread.includes('/2'))?.write(ok)
    assert.equal((await second).status, 200)
  })

  test('diagnostics_channel tells of start, end and error', async (t) => {
    const seen: string[] = []
    const names = ['start', 'end', 'error'].map((name) => `pointsman:request:${name}`)
    const onMessage = (message: unknown, name: string | symbol): void => {
      const { req, error, status } = message as { req: { url: string }; error?: { code: string }; status?: number }
      seen.push(`${String(name).split(':')[2]} ${req.url} ${status ?? ''} ${error?.code ?? ''}`.trim())
    }
    for (const name of names) subscribe(name, onMessage)
    t.after(() => {
      for (const name of names) unsubscribe(name, onMessage)
    })
    const { url } = await httpServer(t, (_, res) => res.end('ok'))
    const rig = await start(t, [{ match: '/ok', serverList: url }, { serverList: `127.0.0.1:${await deadPort()}` }])
    await rig.get('/ok')
    await rig.get('/bad')
    await rig.over(2)
    assert.deepEqual(seen, [
      'start /ok',
      'end /ok 200',
      'start /bad',
      'error /bad  ERR_CONNECT_REFUSED',
      'end /bad 502 ERR_CONNECT_REFUSED',
    ])
    assert.equal(channel(names[0]!).hasSubscribers, true)
  })

  test('the events: request, retry, requestEnd, error, and a throw in none of them is swallowed', async (t) => {
    const dead = `127.0.0.1:${await deadPort()}`
    const { url } = await httpServer(t, (_, res) => res.end('ok'))
    const rig = await start(t, { serverList: [dead, url], loadBalance: 'First-Alive', attemptsCount: 9 })
    const events: unknown[] = []
    rig.proxy.on('request', ({ server, attempt, entry }) => events.push(['request', entry, server, attempt]))
    rig.proxy.on('retry', ({ server, attempt, error }) => events.push(['retry', server, attempt, error.code]))
    rig.proxy.on('requestEnd', ({ status, attempts }) => events.push(['end', status, attempts]))
    rig.proxy.on('error', (error, req) => events.push(['error', error.code, req.url]))
    await rig.get('/')
    await rig.over(1)
    assert.deepEqual(events, [
      ['request', 'entry 1', `http://${dead}`, 0],
      ['retry', `http://${dead}`, 0, 'ERR_CONNECT_REFUSED'],
      ['request', 'entry 1', `http://${url}`, 1],
      ['end', 200, 2],
    ])
  })

  test('a balancer of the user that throws, or returns nonsense, costs its request alone', async (t) => {
    const name = `Nonsense-${transport}`
    let mode = 'throw'
    registerBalancer(name, () => ({
      pick: (candidates) => {
        if (mode === 'throw') throw new Error('oops')
        return mode === 'nonsense' ? (undefined as never) : candidates[0]!
      },
    }))
    const { url } = await httpServer(t, (_, res) => res.end('ok'))
    const rig = await start(t, { serverList: url, loadBalance: name })
    assert.equal((await rig.get('/')).status, 500)
    mode = 'nonsense'
    assert.equal((await rig.get('/')).status, 500)
    mode = 'fine'
    assert.equal((await rig.get('/')).status, 200)
  })

  test('Naive: the lowest free number of the client connections', async (t) => {
    const servers = await Promise.all(['a', 'b'].map((name) => httpServer(t, (_, res) => res.end(name))))
    const rig = await start(t, { serverList: servers.map(({ url }) => url), loadBalance: 'Naive' })
    const ask = async (client: Wire): Promise<string> => {
      client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
      return (await client.message()).text
    }
    const one = await rig.connect()
    assert.deepEqual([await ask(one), await ask(one)], ['a', 'a'])
    const two = await rig.connect()
    assert.equal(await ask(two), 'b')
    one.destroy()
    await new Promise<void>((resolve) => {
      const poll = (): unknown =>
        rig.server.getConnections((_, count) => (count === 1 ? resolve() : setImmediate(poll)))
      poll()
    })
    const three = await rig.connect()
    assert.equal(await ask(three), 'a')
    assert.equal(await ask(two), 'b')
  })

  test('no entry takes it: next, or 404', async (t) => {
    const rig = await start(
      t,
      { serverList: '127.0.0.1:1', match: '/api/*' },
      {
        listener: (proxy) => (req, res) => proxy(req, res, () => res.end('the next handler')),
      },
    )
    assert.equal((await rig.get('/x')).body, 'the next handler')
    const alone = await start(t, { serverList: '127.0.0.1:1', match: '/api/*' })
    const answer = await alone.get('/x', { method: 'POST' }, 'body')
    assert.equal(answer.status, 404)
  })
})
