import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { formatProxyHeader } from '#lib/proxy-protocol/format.js'
import { freePorts } from '../support/network.js'
import { folder, type Launched, launch, run } from '../support/process.js'
import { named, server } from '../support/tcp.js'
import { httpServer } from '../support/upstream.js'
import { eventually, Wire, within } from '../support/wire.js'

interface Running {
  readonly command: Launched
  readonly port: number
  readonly file: string
  /** Puts another file in its place, and has it read. */
  reload(text: string): Promise<void>
}

/** `start` with a file that listens for TCP once at least. */
async function started(t: TestContext, text: string, ...args: string[]): Promise<Running> {
  const cwd = folder(t, { 'proxy.conf': text })
  const command = launch(t, ['start', ...args], { cwd })
  const [, port] = await command.output(/listening on tcp:\/\/127\.0\.0\.1:(\d+)\n/)
  const file = join(cwd, 'proxy.conf')
  const reload = async (next: string): Promise<void> => {
    writeFileSync(file, next)
    const from = command.stdout.length
    command.signal('SIGHUP')
    await command.output(/reloaded proxy\.conf/, from)
  }
  return { command, port: Number(port), file, reload }
}

const entry = (address: string, more = ''): string =>
  `[TCP_ENTRY echo]\nListen 127.0.0.1:0\nServerList ${address}\n${more}\n`

async function ended({ exited }: Launched): Promise<number | null> {
  return (await within(exited, 'the end', 15_000)).code
}

for (const processes of ['1', '2']) {
  test(`TCP entries alone, processes: ${processes}; the end waits for connections`, async (t) => {
    const a = await named(t, 'a')
    const { command, port } = await started(t, entry(a.address), '-p', processes)
    assert.match(command.stdout, new RegExp(`TCP entry echo {2}Round-Robin {2}${a.address}\n`))
    assert.doesNotMatch(command.stdout, /listening on http/)
    const clients = await Promise.all(
      Array.from({ length: 6 }, () => Wire.connect({ port, host: '127.0.0.1', allowHalfOpen: true })),
    )
    for (const client of clients) {
      client.write('1')
      await client.until('a:1')
    }
    command.signal('SIGTERM')
    await command.output(/SIGTERM: finishing/)
    // Each process closes its socket by itself.
    for (let isRefused = false; !isRefused; ) {
      const late = await Wire.connect(port).catch(() => undefined)
      isRefused = late === undefined
      late?.destroy()
    }
    for (const client of clients) {
      client.write('2')
      await client.until('2')
      client.end('3')
      assert.equal(await client.atEnd(), '3')
    }
    assert.equal(await ended(command), 0)
    await eventually(() => a.open.size === 0, 'no connection to the server')
  })

  test(`a reload under load loses nobody, processes: ${processes}`, async (t) => {
    const [a, b] = [await named(t, 'a'), await named(t, 'b')]
    const [tcpPort] = (await freePorts(1)) as [number]
    const config = (address: string, more = ''): string =>
      `[TCP_ENTRY echo]\nListen 127.0.0.1:${tcpPort}\nServerList ${address}\n${more}\n`
    const { command, port, reload } = await started(t, config(a.address), '-p', processes)
    const kept = await Wire.connect(port)
    kept.write('1')
    await kept.until('a:1')
    let over = false
    const seen: Record<string, number> = { a: 0, b: 0 }
    const load = Array.from({ length: 4 }, async () => {
      while (!over) {
        const client = await Wire.connect(port)
        client.write('!')
        const name = (await client.until(':!')).slice(0, 1)
        seen[name]!++
        client.end()
        await client.atEnd()
      }
    })
    const taken = async (name: string): Promise<void> => {
      const before = seen[name]!
      await eventually(() => seen[name]! > before, `a connection that ${name} gets`)
    }
    await taken('a')
    for (let i = 0; i < 3; i++) {
      await reload(config(b.address))
      await taken('b')
      await reload(config(a.address, 'ConnectTimeout 4'))
      await taken('a')
    }
    await reload(config(b.address))
    await taken('b')
    over = true
    await Promise.all(load)
    assert.match(command.stdout, new RegExp(`reloaded proxy.conf: TCP entry echo: \\+${b.address} -${a.address}\n`))
    kept.write('2')
    await kept.until('2')
    const last = await Wire.connect(port)
    last.write('!')
    await last.until('b:!')
    kept.destroy()
    last.destroy()
    command.signal('SIGTERM')
    assert.equal(await ended(command), 0)
    assert.equal(command.stderr, '')
  })
}

test('what is left after ShutdownTimeout is cut', async (t) => {
  const silent = await server(t, (socket) => socket.write('!'))
  const { command, port } = await started(
    t,
    `${entry(silent.address)}[LISTEN]\nAddress 127.0.0.1:0\nShutdownTimeout 300ms`,
  )
  const client = await Wire.connect(port)
  await client.until('!')
  const begun = performance.now()
  command.signal('SIGINT')
  assert.equal(await ended(command), 0)
  const took = performance.now() - begun
  assert.ok(took > 250 && took < 15_000, `it took ${took} ms`)
  await client.atClose()
})

test('HTTP and TCP beside each other; a file with clashes is reported, and what was in force goes on', async (t) => {
  const a = await named(t, 'a')
  const web = await httpServer(t, (_, res) => res.end('web'))
  const http = `[PROXY_ENTRY web]\nMatch /*\nServerList ${web.url}\n[LISTEN]\nAddress 127.0.0.1:0\n`
  const { command, port, file } = await started(t, http + entry(a.address))
  const origin = await command.listening()
  const works = async (): Promise<void> => {
    assert.equal(await (await fetch(origin)).text(), 'web')
    const client = await Wire.connect(port)
    client.write('!')
    await client.until('a:!')
    client.destroy()
  }
  await works()
  writeFileSync(file, http + entry(a.address) + entry(a.address).replace('echo', 'other'))
  command.signal('SIGHUP')
  await command.output(/proxy\.conf:11:8: \[TCP_ENTRY other\] 127\.0\.0\.1:0 is taken by the entry at proxy\.conf:7:8/)
  await command.output(/proxy\.conf was not reloaded; what was in force goes on/)
  await works()
  const taken = await server(t, () => {})
  writeFileSync(file, http + entry(a.address, `Listen 127.0.0.1:${taken.port}`))
  command.signal('SIGHUP')
  await command.output(new RegExp(`cannot listen on tcp://127\\.0\\.0\\.1:${taken.port}: the address is in use`))
  await works()
})

test('an address that is in use is told at the start, by whichever number of processes', async (t) => {
  const taken = await server(t, () => {})
  const text = entry('127.0.0.1:1').replace('127.0.0.1:0', `127.0.0.1:${taken.port}`)
  for (const processes of ['1', '2']) {
    const { code, stderr } = await run(['start', '-p', processes], { cwd: folder(t, { 'proxy.conf': text }) })
    assert.equal(code, 1)
    assert.match(stderr, new RegExp(`^cannot listen on tcp://127\\.0\\.0\\.1:${taken.port}: the address is in use`))
  }
})

test('check counts TCP entries, and names their addresses', async (t) => {
  const both = `[PROXY_ENTRY]\nMatch /*\nServerList a b\n${entry('c:1 d:1')}`
  const cwd = folder(t, { 'proxy.conf': both, 'tcp.conf': entry('c:1 d:1') })
  const { stdout } = await run(['check'], { cwd })
  assert.equal(
    stdout,
    'proxy.conf is sound: 1 entry, 1 TCP entry, 4 servers, listening on http://localhost:8080 (all addresses), tcp://127.0.0.1:0\n',
  )
  const alone = await run(['check', '-c', 'tcp.conf'], { cwd })
  assert.equal(alone.stdout, 'tcp.conf is sound: 1 TCP entry, 2 servers, listening on tcp://127.0.0.1:0\n')
})

for (const processes of ['1', '2']) {
  test(`the access log and the server see the client of a PROXY header, processes: ${processes}`, async (t) => {
    const web = await httpServer(t, (req, res) => res.end(String(req.headers['x-forwarded-for'])))
    const text = `[PROXY_ENTRY]\nMatch /*\nServerList ${web.url}\n[LISTEN]\nAddress 127.0.0.1:0\nProxyProtocol On\n[LOG]\nAccessLog access.log\n`
    const cwd = folder(t, { 'proxy.conf': text })
    const command = launch(t, ['start', '-p', processes], { cwd })
    const { port } = new URL(await command.listening())
    const client = await Wire.connect(Number(port))
    const ends = { source: { address: '2001:db8::7', port: 7 }, destination: { address: '2001:db8::1', port: 80 } }
    client.write(Buffer.concat([formatProxyHeader(2, ends), Buffer.from('GET /x HTTP/1.1\r\nHost: a\r\n\r\n')]))
    assert.equal((await client.message()).text, '2001:db8::7')
    const bare = await Wire.connect(Number(port))
    bare.write('GET /y HTTP/1.1\r\nHost: a\r\n\r\n')
    await bare.atClose()
    assert.equal((bare.socket as Socket).bytesRead, 0)
    command.signal('SIGTERM')
    assert.equal(await ended(command), 0)
    assert.match(
      readFileSync(join(cwd, 'access.log'), 'utf8'),
      /^2001:db8::7 - - \[.*\] "GET \/x HTTP\/1\.1" 200 .*\n$/,
    )
  })
}
