import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { TcpListeners } from '#lib/cli/tcp-listeners.js'
import { resolveConfig } from '#lib/config/load.js'
import { ListenError } from '#lib/listen/listen-error.js'
import { formatProxyHeader } from '#lib/proxy-protocol/format.js'
import { parseProxyHeader } from '#lib/proxy-protocol/parse.js'
import type { TcpEntryConfig } from '#lib/tcp/entry-options.js'
import { clientHello } from '../support/client-hello.js'
import { ManualClock } from '../support/clock.js'
import { freePorts } from '../support/network.js'
import { folder } from '../support/process.js'
import { seededRandom } from '../support/random.js'
import { named, refusingPort, server } from '../support/tcp.js'
import { eventually, Wire, within } from '../support/wire.js'

const at = '127.0.0.1:0'
const source = { address: '192.0.2.1', port: 56_324 }
const destination = { address: '198.51.100.2', port: 443 }

interface Rig {
  readonly listeners: TcpListeners
  readonly clock: ManualClock
  readonly log: string[]
  readonly port: number
  connect(port?: number): Promise<Wire>
  /** What a reload does. */
  reload(...entries: TcpEntryConfig[]): Promise<void>
}

/** Entries that listen, each at 127.0.0.1:0 unless it says where. */
async function serve(t: TestContext, ...entries: TcpEntryConfig[]): Promise<Rig> {
  const clock = new ManualClock()
  const log: string[] = []
  const say = (level: string) => (message: string) => void log.push(`${level} ${message}`)
  const logger = { info: say('info'), warn: say('warn'), error: say('error') }
  const listeners = new TcpListeners({ clock, logger, random: seededRandom(1) })
  t.after(() => listeners.close(0))
  const reload = async (...next: TcpEntryConfig[]): Promise<void> => {
    const { tcp } = resolveConfig({ tcp: next.map((each) => ({ listen: at, ...each })) })
    const change = await listeners.prepare(tcp)
    change.commit()
  }
  await reload(...entries)
  const port = Number(/:(\d+)/.exec(listeners.urls[0] ?? '')?.[1] ?? 0)
  return {
    listeners,
    clock,
    log,
    port,
    reload,
    connect: (which = port) => Wire.connect({ port: which, host: '127.0.0.1', allowHalfOpen: true }),
  }
}

/** Which server gets these bytes; empty when the connection is closed instead. */
async function takerOf({ connect }: Rig, bytes: string | Buffer): Promise<string> {
  const client = await connect()
  client.write(bytes)
  const answer = await client.until(':').catch(() => '')
  client.destroy()
  return answer.replace(':', '')
}

function hello(servername: string): Promise<Buffer> {
  return clientHello(servername === '' ? {} : { servername })
}

test('an entry without ServerName needs no byte of the client', async (t) => {
  const speaker = await server(t, (socket) => socket.end('220 hello\r\n'))
  const rig = await serve(t, { serverList: speaker.address })
  assert.equal(await (await rig.connect()).atEnd(), '220 hello\r\n')
})

test('ServerName tells entries of one address apart: in their order, without case, globs as those of Host', async (t) => {
  const list = await Promise.all(['a', 'b', 'c', 'rest'].map((name) => named(t, name)))
  const [a, b, c, rest] = list.map(({ address }) => address) as [string, string, string, string]
  const rig = await serve(
    t,
    // The entry that takes what is left may stand anywhere.
    { serverList: rest },
    { serverName: 'one.Example *.deep.example', serverList: a },
    { serverName: '*.example', serverList: b },
    { serverName: 'two.example 5.deep.example *.{x,y}', serverList: c },
  )
  const expected = {
    'one.example': 'a',
    'ONE.EXAMPLE': 'a',
    'x.y.deep.example': 'a',
    '5.deep.example': 'a',
    'two.example': 'b',
    'a.y': 'c',
    'other.test': 'rest',
    '': 'rest',
  }
  for (const [name, taker] of Object.entries(expected)) assert.equal(await takerOf(rig, await hello(name)), taker, name)
  assert.equal(await takerOf(rig, 'SSH-2.0-x\r\n'), 'rest')
})

test('a name that no entry takes is closed, and so is a client without one', async (t) => {
  const a = await named(t, 'a')
  const rig = await serve(t, { serverName: '*.example', serverList: a.address })
  for (const bytes of [await hello('other.test'), await hello(''), 'GET / HTTP/1.1\r\n\r\n']) {
    assert.equal(await takerOf(rig, bytes), '')
  }
  assert.equal(a.accepted(), 0)
  const silent = await rig.connect()
  await eventually(() => rig.clock.pending > 0, 'the deadline of the decision')
  rig.clock.advance(30_000)
  await silent.atEnd()
  assert.match(rig.log.at(-1) ?? '', /^info 127\.0\.0\.1: no decision within 30000 ms/)
})

test('an entry listens at several addresses, Unix sockets among them, and its servers may be ones', async (t) => {
  const cwd = folder(t)
  const [inner, outer] = [join(cwd, 'inner.sock'), join(cwd, 'outer.sock')]
  const a = await named(t, 'a')
  const rig = await serve(
    t,
    { name: 'outer', listen: `unix:${outer}`, serverList: `unix:${inner}` },
    { name: 'inner', listen: [`unix:${inner}`, at], serverList: a.address },
  )
  assert.deepEqual(rig.listeners.urls.slice(0, 2), [`unix:${outer}`, `unix:${inner}`])
  const client = await Wire.connect({ path: outer })
  client.write('!')
  await client.until('a:!')
  client.destroy()
  await rig.listeners.close(1000)
  assert.deepEqual([existsSync(inner), existsSync(outer)], [false, false])
})

for (const version of ['v1', 'v2'] as const) {
  test(`ProxyProtocol ${version} tells the server of the client, whom AcceptProxyProtocol knows`, async (t) => {
    const got: Buffer[] = []
    const recorder = await server(t, (socket) => {
      socket.on('data', (chunk: Buffer) => got.push(chunk))
      socket.on('end', () => socket.end('ok'))
    })
    const rig = await serve(t, { serverList: recorder.address, proxyProtocol: version, acceptProxyProtocol: true })
    const client = await rig.connect()
    client.write(formatProxyHeader(2, { source, destination }))
    client.end('hello')
    assert.equal(await client.atEnd(), 'ok')
    const all = Buffer.concat(got)
    const header = parseProxyHeader(all)
    assert.ok(header !== 'more')
    assert.deepEqual([header.version, header.ends], [Number(version.slice(1)), { source, destination }])
    assert.equal(all.subarray(header.length).toString(), 'hello')
    const without = await rig.connect()
    without.write('hello')
    await without.atEnd()
    assert.match(rig.log.at(-1) ?? '', /^info 127\.0\.0\.1: .*does not begin with a header of the PROXY protocol/)
  })
}

test('the header may come before a name; Source-Hash goes by the client that it names', async (t) => {
  const servers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => named(t, name)))
  const rig = await serve(t, {
    serverName: '*.example',
    serverList: servers.map(({ address }) => address),
    loadBalance: 'Source-Hash',
    acceptProxyProtocol: true,
  })
  const bytes = await hello('x.example')
  const takers = new Set<string>()
  for (let i = 0; i < 12; i++) {
    const header = formatProxyHeader(1, { source: { address: `192.0.2.${i}`, port: i }, destination })
    const taker = await takerOf(rig, Buffer.concat([header, bytes]))
    assert.equal(await takerOf(rig, Buffer.concat([header, bytes])), taker)
    takers.add(taker)
  }
  assert.ok(takers.size > 1 && !takers.has(''))
})

test('a server that is gone is passed over, offline after AttemptsCount, and each change is logged once', async (t) => {
  const dead = `127.0.0.1:${await refusingPort()}`
  const a = await named(t, 'a')
  const entry = { serverList: [dead, a.address], attemptsCount: 2, offlineTimeOut: 7 }
  // Two entries share the servers, and what is known of them.
  const rig = await serve(t, { ...entry, serverName: 'x.example' }, entry)
  assert.equal(await takerOf(rig, '!\n'), 'a')
  assert.equal(rig.log.length, 0)
  assert.equal(await takerOf(rig, '!\n'), 'a')
  assert.equal(await takerOf(rig, '!\n'), 'a')
  assert.deepEqual(
    rig.log.map((line) => line.replace(/connect(?:ion)? .*/, '…')),
    [`warn tcp://${dead} is offline, was up: …`],
  )
})

test('no server at all: tried again while the client is kept, then closed, and told', async (t) => {
  const dead = `127.0.0.1:${await refusingPort()}`
  const rig = await serve(t, { serverList: dead, connectRetries: 2, retryDelay: '50ms', highAvailability: false })
  const client = await rig.connect()
  client.write('!')
  let waited = 0
  for (; waited < 4000 && !client.ended; waited += 10) {
    rig.clock.advance(10)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(client.ended && waited >= 100, `closed after ${waited} ms`)
  assert.match(rig.log.join('\n'), new RegExp(`^warn no connection to tcp://${dead}: .*REFUSED`, 'm'))
})

test('each entry has its own timeouts', async (t) => {
  const silent = await server(t, () => {})
  const chatty = await named(t, 'b')
  const rig = await serve(
    t,
    { serverName: 'a.example', serverList: silent.address, inactivityTimeout: 3 },
    { serverList: chatty.address, idleTimeout: 5 },
  )
  const first = await rig.connect()
  first.write(await hello('a.example'))
  await eventually(() => silent.open.size === 1, 'the connection to the silent server')
  const second = await rig.connect()
  second.write('!')
  await second.until('b:!')
  rig.clock.advance(3000)
  await first.atEnd()
  assert.match(rig.log.join('\n'), /^warn tcp:\/\/\S+ is silent: no byte of the server within 3000 ms$/m)
  assert.equal(second.closed, false)
  rig.clock.advance(5000)
  await second.atEnd()
})

test('HealthCheck connects, and a server that does not accept is down', async (t) => {
  const a = await named(t, 'a')
  const b = await named(t, 'b')
  const rig = await serve(t, {
    serverList: [a.address, b.address],
    healthCheck: true,
    healthInterval: 2,
    healthFails: 1,
    healthPasses: 1,
  })
  const checked = async (holds: () => boolean, what: string): Promise<void> => {
    for (let i = 0; i < 100 && !holds(); i++) {
      rig.clock.advance(100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.ok(holds(), what)
  }
  await checked(() => a.accepted() > 0 && b.accepted() > 0, 'both are asked')
  await b.close()
  await checked(() => rig.log.length > 0, 'it is told')
  assert.match(rig.log[0] ?? '', new RegExp(`^warn tcp://${b.address} is down, was up: `))
  for (let i = 0; i < 3; i++) assert.equal(await takerOf(rig, '!\n'), 'a')
  await server(t, (socket) => socket.end('b:'), b.port)
  await checked(() => rig.log.length > 1, 'its return is told')
  assert.match(rig.log[1] ?? '', /^info .* is up, was down: a check passed$/)
})

test('the lowest free number is one of all addresses, as Naive wants it', async (t) => {
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const [first, second] = (await freePorts(2)) as [number, number]
  const rig = await serve(t, {
    listen: [`127.0.0.1:${first}`, `127.0.0.1:${second}`],
    serverList: [a.address, b.address],
    loadBalance: 'Naive',
  })
  const one = await rig.connect(first)
  one.write('!')
  await one.until('a:!')
  const other = await rig.connect(second)
  other.write('!')
  await other.until('b:!')
})

test('a reload: connections stay, new ones go by the new entries, states of servers survive', async (t) => {
  const dead = `127.0.0.1:${await refusingPort()}`
  const [a, b] = [await named(t, 'a'), await named(t, 'b')]
  const rig = await serve(t, { serverList: [dead, a.address], attemptsCount: 1 })
  const { port } = rig
  const old = await rig.connect()
  old.write('1')
  await old.until('a:1')
  assert.match(rig.log.join(), /is offline/)
  // It has gone nowhere yet.
  await rig.reload({ serverName: '*.example', serverList: [dead, a.address] }, { serverList: [dead, b.address] })
  assert.match(rig.listeners.urls[0] ?? '', new RegExp(`:${port}$`))
  assert.equal(await takerOf(rig, '!\n'), 'b')
  assert.equal(rig.log.length, 1, 'the dead server is left alone')
  const waiting = await rig.connect()
  const bytes = await hello('x.example')
  waiting.write(bytes.subarray(0, 20))
  await rig.reload({ serverName: 'x.example', serverList: b.address }, { serverList: a.address })
  waiting.write(bytes.subarray(20))
  await waiting.until('b:')
  old.write('2')
  await old.until('2')
  // What has to be known of a client changes, and with it how it is received.
  await rig.reload({ serverList: b.address, acceptProxyProtocol: true })
  assert.equal(await takerOf(rig, '!\n'), '')
  assert.equal(
    await takerOf(rig, Buffer.concat([formatProxyHeader(1, { source, destination }), Buffer.from('!')])),
    'b',
  )
  old.end('3')
  assert.equal(await old.atEnd(), '3')
})

test('a reload may want a name or a header of clients, and want them no more', async (t) => {
  const speaker = await server(t, (socket) => socket.end('220 hello\r\n'))
  const a = await named(t, 'a')
  const greeting = async (bytes = ''): Promise<string> => {
    const client = await rig.connect()
    if (bytes !== '') client.write(bytes)
    return client.atEnd()
  }
  const rig = await serve(t, { serverName: '*.example', serverList: a.address })
  assert.equal(await takerOf(rig, await hello('x.example')), 'a')
  await rig.reload({ serverList: speaker.address })
  assert.equal(await greeting(), '220 hello\r\n')
  await rig.reload({ acceptProxyProtocol: true, serverList: speaker.address })
  assert.equal(await greeting('no header\r\n'), '')
  assert.equal(await greeting('PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n'), '220 hello\r\n')
  await rig.reload({ serverName: '*.example', serverList: a.address })
  assert.equal(await takerOf(rig, await hello('x.example')), 'a')
})

test('an address that goes is free at once, and its connections go on', async (t) => {
  const a = await named(t, 'a')
  const [first, second] = (await freePorts(2)) as [number, number]
  const rig = await serve(t, { listen: first, serverList: a.address })
  const old = await rig.connect(first)
  old.write('1')
  await old.until('a:1')
  await rig.reload({ listen: second, serverList: a.address })
  await assert.rejects(rig.connect(first), { code: 'ECONNREFUSED' })
  old.write('2')
  await old.until('2')
  await rig.reload({ listen: [first, second], serverList: a.address })
  for (const port of [first, second]) {
    const client = await rig.connect(port)
    client.write('!')
    await client.until('a:!')
    client.destroy()
  }
  // The end waits for it too, and cuts it when the time is up.
  const closed = rig.listeners.close(10_000)
  await assert.rejects(rig.connect(first), { code: 'ECONNREFUSED' })
  rig.clock.advance(9_999)
  assert.equal(old.closed, false)
  rig.clock.advance(1)
  await within(closed, 'the end')
  await old.atEnd()
  assert.equal(rig.clock.pending, 0, 'a timer is left')
})

test('an address that cannot be had changes nothing', async (t) => {
  const a = await named(t, 'a')
  const taken = await server(t, () => {})
  const [free] = (await freePorts(1)) as [number]
  const rig = await serve(t, { serverList: a.address })
  const missing = join(folder(t), 'missing', 'x.sock')
  await assert.rejects(
    rig.reload({
      listen: [at, `127.0.0.1:${taken.port}`, `127.0.0.1:${free}`, `unix:${missing}`],
      serverList: taken.address,
    }),
    (error) => {
      assert.ok(error instanceof ListenError)
      assert.match(
        error.problems.join('\n'),
        new RegExp(`tcp://127.0.0.1:${taken.port}: the address is in use.*\n.*missing/x.sock: its folder`),
      )
      return true
    },
  )
  await assert.rejects(rig.connect(free), { code: 'ECONNREFUSED' })
  assert.equal(await takerOf(rig, '!\n'), 'a')
})
