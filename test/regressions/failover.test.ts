import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { settle, withEachTransport } from '../support/rig.js'
import { type Cleanup, deadPort, freePort, httpServer, RawServer } from '../support/upstream.js'
import { eventually, within } from '../support/wire.js'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** A server that does `first` on its first requests, and answers the others. */
function failing(
  t: Cleanup,
  times: number,
  how: 'close' | 'reset' | string,
): Promise<RawServer & { requests: string[] }> {
  const requests: string[] = []
  return RawServer.listen(t, async (wire) => {
    for (;;) {
      const { start: line, text } = await wire.message()
      requests.push(`${line.split(' ').slice(0, 2).join(' ')} ${text}`.trim())
      if (requests.length > times) wire.write(ok)
      else if (how === 'close') wire.end()
      else if (how === 'reset') (wire.socket as import('node:net').Socket).resetAndDestroy()
      else wire.write(how)
    }
  }).then((server) => Object.assign(server, { requests }))
}

withEachTransport((start) => {
  test('a dead server is passed over, and the request arrives whole: a streamed POST of 5 MB', async (t) => {
    const hash = createHash('sha256')
    let size = 0
    const live = await httpServer(t, (req, res) => {
      req.on('data', (chunk: Buffer) => {
        hash.update(chunk)
        size += chunk.length
      })
      req.on('end', () => res.end('done'))
    })
    const rig = await start(t, { serverList: `127.0.0.1:${await deadPort()} ${live.url}` })
    const sent = createHash('sha256')
    const client = await rig.connect()
    client.write('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n')
    for (let i = 0; i < 50; i++) {
      const part = Buffer.alloc(100_000, i)
      sent.update(part)
      client.write('186a0\r\n')
      const more = client.write(part)
      client.write('\r\n')
      if (!more) await within(once(client.socket, 'drain'), 'the upload to go on')
    }
    client.write('0\r\n\r\n')
    assert.equal((await client.message()).text, 'done')
    assert.equal(size, 5_000_000)
    assert.equal(hash.digest('hex'), sent.digest('hex'))
    await rig.over(1)
    assert.equal(rig.ends[0]?.attempts, 2)
  })

  test('a dead server is asked AttemptsCount times, not for OfflineTimeOut, and then exactly once', async (t) => {
    const dead = `http://127.0.0.1:${await deadPort()}`
    const live = await RawServer.listen(t, async (wire) => {
      for (;;) {
        await wire.message()
        wire.write(ok)
      }
    })
    const rig = await start(t, { serverList: [dead, live.url], attemptsCount: 3, offlineTimeOut: 60 })
    const asked: string[] = []
    const changes: string[] = []
    rig.proxy.on('request', ({ server }) => asked.push(server))
    rig.proxy.on('serverStateChange', ({ server, from, to }) => changes.push(`${server} ${from} ${to}`))
    const tries = async (count: number): Promise<number> => {
      asked.length = 0
      for (let i = 0; i < count; i++) assert.equal((await rig.get('/')).status, 200)
      return asked.filter((server) => server === dead).length
    }
    assert.equal(await tries(20), 3)
    assert.deepEqual(changes, [`${dead} up offline`])
    rig.clock.advance(59_999)
    assert.equal(await tries(20), 0)
    rig.clock.advance(1)
    assert.equal(await tries(20), 1)
    assert.deepEqual(changes, [`${dead} up offline`], 'a failed trial is no change')
    rig.clock.advance(59_999)
    assert.equal(await tries(5), 0)
    rig.clock.advance(1)
    // Many at once: one of them is the trial.
    asked.length = 0
    await Promise.all(Array.from({ length: 30 }, () => rig.get('/')))
    assert.equal(asked.filter((server) => server === dead).length, 1)
    assert.equal(rig.proxy.pools[0]?.servers[0]?.state, 'offline')
  })

  test('a server that is back is up again after its trial', async (t) => {
    const port = await freePort()
    const live = await RawServer.listen(t, async (wire) => {
      for (;;) {
        await wire.message()
        wire.write(ok)
      }
    })
    const rig = await start(t, { serverList: [`127.0.0.1:${port}`, live.url], attemptsCount: 1 })
    await rig.get('/')
    await rig.get('/')
    assert.equal(rig.proxy.pools[0]?.servers[0]?.state, 'offline')
    await RawServer.listen(
      t,
      async (wire) => {
        for (;;) {
          await wire.message()
          wire.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback')
        }
      },
      { at: { port, host: '127.0.0.1' } },
    )
    rig.clock.advance(60_000)
    const bodies = []
    for (let i = 0; i < 4; i++) bodies.push((await rig.get('/')).body)
    assert.deepEqual(bodies.sort(), ['back', 'back', 'ok', 'ok'])
    assert.equal(rig.proxy.pools[0]?.servers[0]?.state, 'up')
    assert.equal(rig.proxy.pools[0]?.servers[0]?.consecutiveFailures, 0)
  })

  test('nobody left: 502 when all refused, 504 when the last was a timeout', async (t) => {
    const rig = await start(t, { serverList: [`127.0.0.1:${await deadPort()}`, `127.0.0.1:${await deadPort()}`] })
    const refused = await rig.get('/')
    assert.equal(refused.status, 502)
    assert.match(String(refused.headers['proxy-status']), /^pointsman; error=connection_refused$/)
    await rig.over(1)
    assert.equal(rig.ends[0]?.attempts, 2)
    assert.ok(rig.log.some((line) => line.includes('ERR_CONNECT_REFUSED')))
    assert.doesNotMatch(refused.body, /127\.0\.0\.1|ECONN/)
    const silent = await RawServer.listen(t)
    const slow = await start(t, { serverList: `https://${silent.url}`, connectTimeout: 2 })
    const answer = slow.get('/')
    await eventually(() => silent.wires.length === 1, 'a connection')
    slow.clock.advance(2_000)
    assert.equal((await answer).status, 504)
  })

  test('ConnectTimeout is a reason to try another server', async (t) => {
    const silent = await RawServer.listen(t)
    const { url } = await httpServer(t, (_, res) => res.end('live'))
    const rig = await start(t, [{ match: '/tls', serverList: [`https://${silent.url}`, url], connectTimeout: 2 }])
    const answer = rig.get('/tls', { method: 'POST' }, 'body')
    await eventually(() => silent.wires.length === 1, 'a connection')
    rig.clock.advance(2_000)
    assert.equal((await answer).body, 'live')
    await eventually(() => silent.open === 0, 'the connection to be given up')
  })

  test('none eligible: FailOpen tries the one that failed longest ago, once; Off answers 503 with Retry-After', async (t) => {
    const a = `http://127.0.0.1:${await deadPort()}`
    const b = `http://127.0.0.1:${await deadPort()}`
    for (const failOpen of [true, false]) {
      const rig = await start(t, { serverList: [a, b], attemptsCount: 1, failOpen, offlineTimeOut: 30 })
      const asked: string[] = []
      rig.proxy.on('request', ({ server }) => asked.push(server))
      assert.equal((await rig.get('/')).status, 502)
      assert.deepEqual(asked.splice(0), [a, b])
      rig.clock.advance(1_500)
      const answer = await rig.get('/')
      if (failOpen) {
        assert.equal(answer.status, 502)
        assert.deepEqual(asked, [a])
      } else {
        assert.equal(answer.status, 503)
        assert.equal(answer.headers['retry-after'], '29')
        assert.deepEqual(asked, [])
        await rig.over(2)
        assert.deepEqual([rig.ends[1]?.attempts, rig.ends[1]?.server], [0, undefined])
      }
    }
  })

  test('HighAvailability Off remembers nothing', async (t) => {
    const dead = `http://127.0.0.1:${await deadPort()}`
    const { url } = await httpServer(t, (_, res) => res.end('live'))
    const rig = await start(t, { serverList: [dead, url], highAvailability: false, loadBalance: 'First-Alive' })
    const asked: string[] = []
    rig.proxy.on('request', ({ server }) => asked.push(server))
    for (let i = 0; i < 5; i++) assert.equal((await rig.get('/')).body, 'live')
    assert.equal(asked.filter((server) => server === dead).length, 5)
  })

  for (const how of ['close', 'reset'] as const) {
    test(`GET, HEAD, PUT, DELETE, OPTIONS are tried elsewhere after a lost connection: ${how}`, async (t) => {
      for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
        const bad = await failing(t, 99, how)
        const good = await failing(t, 0, '')
        const rig = await start(t, { serverList: [bad.url, good.url] })
        const body = method === 'PUT' || method === 'DELETE' ? 'precious' : undefined
        const answer = await rig.get(
          '/x',
          { method, ...(body && { headers: { 'Content-Length': body.length } }) },
          body,
        )
        assert.equal(answer.status, 200, method)
        assert.deepEqual(bad.requests, [`${method} /x ${body ?? ''}`.trim()])
        assert.deepEqual(good.requests, bad.requests)
      }
    })
  }

  test('POST and PATCH are never sent twice once a byte has gone out', async (t) => {
    for (const method of ['POST', 'PATCH', 'LOCK']) {
      for (const body of ['precious', undefined]) {
        const bad = await failing(t, 99, 'close')
        const good = await failing(t, 0, '')
        const rig = await start(t, { serverList: [bad.url, good.url] })
        const answer = await rig.get('/x', { method, headers: { 'Content-Length': body?.length ?? 0 } }, body)
        assert.equal(answer.status, 502, method)
        assert.equal(bad.requests.length, 1)
        assert.equal(good.requests.length, 0)
      }
    }
  })

  test('unless the entry says so with non-idempotent', async (t) => {
    const bad = await failing(t, 99, 'close')
    const good = await failing(t, 0, '')
    const rig = await start(t, { serverList: [bad.url, good.url], retryOn: ['reset', 'non-idempotent'] })
    const answer = await rig.get('/x', { method: 'POST', headers: { 'Content-Length': 8 } }, 'precious')
    assert.equal(answer.status, 200)
    assert.deepEqual(good.requests, ['POST /x precious'])
  })

  test('a POST on a kept connection that turns out dead is not sent again; a GET is, to the same server', async (t) => {
    const server = await RawServer.listen(t, async (wire, index) => {
      await wire.message()
      wire.write(ok)
      await wire.message()
      if (index === 0 || index === 2) wire.destroy()
      else wire.write(ok)
    })
    const rig = await start(t, { serverList: server.url })
    await rig.get('/')
    await settle()
    assert.equal((await rig.get('/')).status, 200)
    assert.equal(server.wires.length, 2)
    assert.equal(rig.proxy.pools[0]?.servers[0]?.failed, 0, 'a stale connection is not a failure of the server')
    await rig.over(2)
    assert.equal(rig.ends[1]?.attempts, 1)
  })

  test('a body within RetryBuffer is sent again whole; one beyond it is not', async (t) => {
    for (const [size, status] of [
      [1000, 200],
      [1001, 502],
    ] as const) {
      const bad = await failing(t, 99, 'close')
      const good = await failing(t, 0, '')
      const rig = await start(t, { serverList: [bad.url, good.url], retryBuffer: 1000 })
      const body = 'z'.repeat(size)
      const answer = await rig.get('/x', { method: 'PUT', headers: { 'Transfer-Encoding': 'chunked' } }, body)
      assert.equal(answer.status, status)
      assert.deepEqual(good.requests, status === 200 ? [`PUT /x ${body}`] : [])
    }
  })

  test('a body that is still coming is sent again from its beginning, and goes on', async (t) => {
    const bad = await RawServer.listen(t, async (wire) => {
      await wire.until('first')
      wire.destroy()
    })
    const good = await failing(t, 0, '')
    const rig = await start(t, { serverList: [bad.url, good.url] })
    const retried = new Promise((resolve) => rig.proxy.once('retry', resolve))
    const client = await rig.connect()
    client.write('PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
    await within(retried, 'the retry')
    client.write('6\r\nsecond\r\n0\r\n\r\n')
    assert.equal((await client.message()).status, 200)
    assert.deepEqual(good.requests, ['PUT /x firstsecond'])
  })

  test('RetryOn: status codes, if there is another server; the last answer is passed on', async (t) => {
    const broken = 'HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy'
    const bad = await failing(t, 99, broken)
    const good = await failing(t, 0, '')
    const both = await start(t, { serverList: [bad.url, good.url], retryOn: ['connect', '502-504'] })
    assert.equal((await both.get('/x')).body, 'ok')
    assert.deepEqual(bad.requests, ['GET /x'])
    const post = await start(t, { serverList: [bad.url, good.url], retryOn: ['connect', 503] })
    assert.equal((await post.get('/x', { method: 'POST' }, 'a')).body, 'busy')
    const alone = await start(t, { serverList: [bad.url], retryOn: [503] })
    const answer = await alone.get('/x')
    assert.equal(answer.body, 'busy')
    assert.equal(answer.headers['proxy-status'], undefined)
    const two = await start(t, { serverList: [bad.url, (await failing(t, 99, broken)).url], retryOn: [503] })
    assert.equal((await two.get('/x')).body, 'busy')
    await two.over(1)
    assert.equal(two.ends[0]?.attempts, 2)
  })

  test('FailStatus counts as a failure, and is passed on all the same', async (t) => {
    const bad = await failing(t, 2, 'HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops')
    const rig = await start(t, { serverList: bad.url, failStatus: [500, '502-504'], attemptsCount: 2, failOpen: false })
    assert.equal((await rig.get('/')).body, 'oops')
    assert.equal(rig.proxy.pools[0]?.servers[0]?.consecutiveFailures, 1)
    assert.equal((await rig.get('/')).body, 'oops')
    assert.equal(rig.proxy.pools[0]?.servers[0]?.state, 'offline')
    assert.equal((await rig.get('/')).status, 503)
  })

  test('RetryLimit is the number of tries in all; RetryOn without connect tries once', async (t) => {
    const servers = await Promise.all(Array.from({ length: 4 }, async () => `127.0.0.1:${await deadPort()}`))
    for (const [options, attempts] of [
      [{ retryLimit: 3 }, 3],
      [{ retryLimit: 1 }, 1],
      [{ retryOn: ['reset'] }, 1],
      [{}, 4],
    ] as const) {
      const rig = await start(t, { serverList: servers, ...options } as never)
      assert.equal((await rig.get('/')).status, 502)
      await rig.over(1)
      assert.equal(rig.ends[0]?.attempts, attempts)
    }
  })

  test('retries are at most a fifth of the requests of ten seconds, plus ten a second', async (t) => {
    const bad = await failing(t, 1e9, 'close')
    const good = await failing(t, 0, '')
    const rig = await start(t, { serverList: [bad.url, good.url], highAvailability: false, loadBalance: 'First-Alive' })
    let retries = 0
    rig.proxy.on('retry', () => retries++)
    const statuses: number[] = []
    for (let i = 0; i < 200; i++) statuses.push((await rig.get('/')).status)
    // 100 for ten seconds, and a fifth of the requests.
    assert.equal(retries, 140)
    assert.equal(statuses.filter((status) => status === 200).length, 140)
    rig.clock.advance(10_000)
    assert.equal((await rig.get('/')).status, 200)
  })

  test('ResponseTimeout: 504, and elsewhere only where RetryOn says so', async (t) => {
    for (const retryOn of [['connect'], ['timeout']] as const) {
      const silent = await RawServer.listen(t)
      const good = await failing(t, 0, '')
      const rig = await start(t, { serverList: [silent.url, good.url], responseTimeout: 7, retryOn })
      const answer = rig.get('/')
      await eventually(() => (silent.wires[0]?.received ?? 0) > 0, 'the request')
      await settle()
      rig.clock.advance(6_999)
      await settle()
      assert.equal(rig.ends.length, 0)
      rig.clock.advance(1)
      const { status, headers } = await answer
      assert.equal(status, retryOn[0] === 'timeout' ? 200 : 504)
      if (status === 504) assert.match(String(headers['proxy-status']), /http_response_timeout/)
      await silent.wires[0]?.atClose()
      assert.equal(rig.proxy.pools[0]?.servers[0]?.consecutiveFailures, 1)
    }
  })

  test('the time for an answer begins when the request has been sent', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url, responseTimeout: 7, idleTimeout: 20 })
    const client = await rig.connect()
    client.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n')
    for (const byte of 'body') {
      const before = server.wires[0]?.received ?? 0
      rig.clock.advance(10_000)
      client.write(byte)
      await eventually(() => (server.wires[0]?.received ?? 0) > before, 'the byte at the server')
    }
    rig.clock.advance(7_000)
    assert.equal((await client.message()).status, 504)
  })

  test('IdleTimeout: whose fault it is depends on who keeps the other waiting', async (t) => {
    const server = await RawServer.listen(t, async (wire, index) => {
      await wire.head()
      if (index === 0) wire.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello')
    })
    const rig = await start(t, { serverList: server.url, idleTimeout: 5 })
    // The server stops in its answer.
    const stopped = await rig.connect()
    stopped.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    await stopped.until('hello')
    rig.clock.advance(5_000)
    await stopped.atClose()
    await rig.over(1)
    assert.equal(rig.ends[0]?.error?.code, 'ERR_IDLE_TIMEOUT')
    assert.equal(rig.proxy.pools[0]?.servers[0]?.consecutiveFailures, 1)
    // The client stops in its upload.
    const lazy = await rig.connect()
    lazy.write('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello')
    await eventually(() => server.wires[1]?.unread.includes('hello') ?? false, 'the first half')
    rig.clock.advance(5_000)
    const answer = await lazy.message()
    assert.equal(answer.status, 408)
    assert.equal(answer.field('connection'), 'close')
    await server.wires[1]?.atClose()
    await rig.over(2)
    assert.equal(rig.ends[1]?.error?.code, 'ERR_REQUEST_TIMEOUT')
    assert.equal(rig.proxy.pools[0]?.servers[0]?.consecutiveFailures, 1)
  })

  test('a client that takes no more of its answer is cut at IdleTimeout, and the server is not blamed', async (t) => {
    const server = await RawServer.listen(t, async (wire) => {
      await wire.head()
      wire.write(`HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n`)
      wire.write(Buffer.alloc(100_000_000))
    })
    const rig = await start(t, { serverList: server.url, idleTimeout: 5 })
    const client = await rig.connect()
    client.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n')
    await client.head()
    client.socket.pause()
    await settle(500)
    rig.clock.advance(5_000)
    await rig.over(1)
    assert.equal(rig.ends[0]?.error?.code, 'ERR_REQUEST_TIMEOUT')
    assert.equal(rig.proxy.pools[0]?.servers[0]?.consecutiveFailures, 0)
    await eventually(() => server.open === 0, 'the connection to the server to be closed')
  })

  test('backups are used only while no server of the list is eligible', async (t) => {
    const dead = `127.0.0.1:${await deadPort()}`
    const { url } = await httpServer(t, (_, res) => res.end('backup'))
    const rig = await start(t, { serverList: dead, backupList: url, attemptsCount: 2 })
    const asked: string[] = []
    rig.proxy.on('request', ({ server }) => asked.push(server))
    for (let i = 0; i < 4; i++) assert.equal((await rig.get('/')).body, 'backup')
    assert.deepEqual(asked, [
      `http://${dead}`,
      `http://${url}`,
      `http://${dead}`,
      `http://${url}`,
      `http://${url}`,
      `http://${url}`,
    ])
  })

  test('MaxConnections: the surplus waits in its order, for QueueTimeout at most, and QueueLength of them', async (t) => {
    const server = await RawServer.listen(t)
    const rig = await start(t, { serverList: server.url, maxConnections: 1, queueLength: 2, queueTimeout: 3 })
    const first = rig.get('/1')
    await eventually(() => server.wires.length === 1, 'the first')
    const second = rig.get('/2')
    await settle(50)
    const third = rig.get('/3')
    await settle(50)
    const full = await rig.get('/4')
    assert.equal(full.status, 503)
    assert.ok(Number(full.headers['retry-after']) >= 1)
    const wire = server.wires[0]!
    assert.match((await wire.head()).start, /\/1/)
    wire.write(ok)
    assert.equal((await first).status, 200)
    // The second may come over the same connection.
    await eventually(() => server.wires.some((each) => each.unread.includes('/2')), 'the second')
    rig.clock.advance(3_000)
    const late = await third
    assert.equal(late.status, 503)
    assert.match(String(late.headers['proxy-status']), /connection_limit_reached/)
    server.wires.find((each) => each.unread.includes('/2'))?.write(ok)
    assert.equal((await second).status, 200)
    assert.equal(rig.proxy.pools[0]?.servers[0]?.connections, 0)
  })

  test('a sticky client comes back to its server, and leaves it when that is offline', async (t) => {
    const names = ['a', 'b', 'c']
    const servers = await Promise.all(names.map((name) => httpServer(t, (_, res) => res.end(name))))
    const rig = await start(t, { serverList: servers.map(({ url }) => url), stickyCookie: 'route', attemptsCount: 1 })
    const first = await rig.get('/')
    const [cookie] = first.headers['set-cookie'] ?? []
    assert.match(cookie ?? '', /^route=[\w-]{16}; Path=\/; HttpOnly; SameSite=Lax$/)
    const headers = { Cookie: `x=1; ${cookie?.split(';')[0]}; y=2` }
    for (let i = 0; i < 6; i++) {
      const again = await rig.get('/', { headers })
      assert.equal(again.body, first.body)
      assert.equal(again.headers['set-cookie'], undefined)
    }
    assert.ok(!cookie?.includes('127.0.0.1'))
    const home = servers[names.indexOf(first.body)]!
    home.server.closeAllConnections()
    home.server.close()
    await settle()
    const moved = await rig.get('/', { headers })
    assert.notEqual(moved.body, first.body)
    assert.equal(moved.status, 200)
    assert.ok(moved.headers['set-cookie']?.[0]?.startsWith('route='))
    const forged = await rig.get('/', { headers: { Cookie: 'route=nonsense' } })
    assert.equal(forged.status, 200)
  })

  test('an answer that cannot be passed on is a failure of the server', async (t) => {
    const server = await failing(t, 99, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok')
    const rig = await start(t, { serverList: server.url, retryOn: [] })
    assert.equal((await rig.get('/')).status, 502)
    assert.equal(rig.proxy.pools[0]?.servers[0]?.consecutiveFailures, 1)
  })

  test('counts: stats, and the summary of each request', async (t) => {
    const dead = `127.0.0.1:${await deadPort()}`
    const { url } = await httpServer(t, (_, res) => res.end('live'))
    const rig = await start(t, { serverList: [dead, url], loadBalance: 'First-Alive', attemptsCount: 1 })
    await rig.get('/a?b')
    await rig.get('/c', { method: 'DELETE' })
    await rig.over(2)
    assert.deepEqual(rig.proxy.stats(), { client: { success: 2, failed: 0 }, server: { success: 2, failed: 1 } })
    const { duration, ...summary } = rig.ends[0]!
    assert.equal(duration, 0)
    assert.deepEqual(summary, {
      entry: 'entry 1',
      client: '127.0.0.1',
      method: 'GET',
      url: '/a?b',
      status: 200,
      bytes: 4,
      server: `http://${url}`,
      attempts: 2,
      error: undefined,
    })
    const { succeeded, failed } = rig.proxy.pools[0]!.servers[0]!
    assert.deepEqual([succeeded, failed], [0, 1])
  })
})
