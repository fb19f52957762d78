import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { certificates } from '../support/certificates.js'
import { freePorts, noOpenssl, portOf, wireTo, writeCertificate } from '../support/network.js'
import { folder, type Launched, launch, run } from '../support/process.js'
import { request } from '../support/rig.js'
import { httpServer } from '../support/upstream.js'
import { within } from '../support/wire.js'

const listen = '[LISTEN]\nAddress 127.0.0.1:0\n'

function entry(server: string, more = ''): string {
  return `[PROXY_ENTRY all]\nMatch /a*\nServerList ${server}\n${more}`
}

async function named(t: TestContext, name: string): Promise<string> {
  return (await httpServer(t, (_, res) => res.end(name))).url
}

interface Started {
  readonly command: Launched
  readonly port: number
  readonly file: string
}

async function started(t: TestContext, conf: string, ...options: string[]): Promise<Started> {
  const cwd = folder(t, { 'proxy.conf': conf })
  const command = launch(t, ['start', ...options], { cwd })
  return { command, port: await portOf(command), file: join(cwd, 'proxy.conf') }
}

test('tells where it listens and what the entries are, and serves', async (t) => {
  const conf = `${entry(await named(t, 'one'), 'BackupList 127.0.0.1:1\n')}[PROXY_ENTRY two]\nMatch /b\nServerList 127.0.0.1:2*3\nLoadBalance Weighted\n${listen}`
  const { command, port } = await started(t, conf)
  assert.match(
    command.stdout,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} info {2}pointsman \d+\.\d+\.\d+, process \d+, proxy\.conf$/m,
  )
  assert.match(command.stdout, /entry all {2}Round-Robin {2}127\.0\.0\.1:\d+ {2}backup: 127\.0\.0\.1:1$/m)
  assert.match(command.stdout, /entry two {2}Weighted {5}127\.0\.0\.1:2\*3$/m)
  assert.equal((await request({ port, path: '/a' })).body, 'one')
  const unknown = await request({ port, path: '/x' })
  assert.equal(unknown.status, 404)
  command.signal('SIGTERM')
  assert.deepEqual(await command.exited, { code: 0, signal: null })
  assert.match(command.stdout, /SIGTERM: finishing/)
  assert.equal(command.stderr, '')
})

test('--listen takes the place of the addresses of the file', async (t) => {
  const [port] = await freePorts(1)
  const conf = `${entry(await named(t, 'one'))}[LISTEN]\nAddress 8080\nMaxHeaderSize 2k\n`
  const { port: got, command } = await started(t, conf, '--listen', `127.0.0.1:${port}`, '--listen', '127.0.0.1:0')
  assert.equal(got, port)
  await command.output(/listening on .*\n.*listening on /)
  assert.ok(!command.stdout.includes(':8080'))
  // The other options of the section stay.
  assert.equal((await request({ port, path: '/a', headers: { x: 'x'.repeat(3000) } })).status, 431)
})

test('state changes are told, with the time', async (t) => {
  const [dead] = await freePorts(1)
  const conf = `${entry(`127.0.0.1:${dead} ${await named(t, 'one')}`, 'LoadBalance First-Alive\nAttemptsCount 1\n')}${listen}`
  const { command, port } = await started(t, conf)
  assert.equal((await request({ port, path: '/a' })).body, 'one')
  await command.output(new RegExp(`^\\d{4}-.* warn {2}http://127\\.0\\.0\\.1:${dead} is offline, was up`, 'm'))
})

test('a file with problems does not start', async (t) => {
  const cwd = folder(t, { 'proxy.conf': `${entry('127.0.0.1:99999')}${listen}` })
  const { code, stdout, stderr } = await run(['start'], { cwd })
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^proxy\.conf:3:12: .*bad port "99999"/)
  assert.match(stderr, /^ {4}\| {12}\^$/m)
})

test('an address in use: each is named, and nothing stays open', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  const cwd = folder(t, {
    'proxy.conf': `${entry('127.0.0.1:1')}${listen}Address 127.0.0.1:${port}\nAddress unix:/nowhere/p.sock\n`,
  })
  const { code, stderr } = await run(['start'], { cwd })
  assert.equal(code, 1)
  assert.match(
    stderr,
    new RegExp(`^cannot listen on http://127\\.0\\.0\\.1:${port}: the address is in use; "ss -ltnp sport = :${port}"`),
  )
  assert.match(stderr, /^cannot listen on unix:\/nowhere\/p\.sock: its folder does not exist$/m)
})

test('HUP puts a changed file in force, and says what changed', async (t) => {
  const [one, two] = [await named(t, 'one'), await named(t, 'two')]
  const { command, port, file } = await started(t, `${entry(one)}${listen}`)
  const kept = await wireTo(command)
  kept.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await kept.message()).text, 'one')
  writeFileSync(file, `${entry(two)}[PROXY_ENTRY more]\nMatch /m\nServerList ${one}\n${listen}`)
  command.signal('SIGHUP')
  const [line] = await command.output(/reloaded proxy\.conf: .*/)
  assert.equal(line, `reloaded proxy.conf: entry all: +${two} -${one}; entry more is new`)
  // The client's connection is the same, and its next request goes the new way.
  kept.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await kept.message()).text, 'two')
  assert.equal((await request({ port, path: '/m' })).body, 'one')
  kept.destroy()
})

test('HUP with a bad file: every problem is told, and the old one goes on', async (t) => {
  const { command, port, file } = await started(t, `${entry(await named(t, 'one'))}${listen}`)
  writeFileSync(file, `${entry('127.0.0.1:99999', 'LoadBalance Nonsense\n')}${listen}`)
  command.signal('SIGHUP')
  await command.output(/error proxy\.conf was not reloaded; what was in force goes on/)
  await command.output(/2 problems/)
  assert.match(command.stderr, /^proxy\.conf:3:12: .*bad port/m)
  assert.match(command.stderr, /^proxy\.conf:4:13: .*unknown balancer "Nonsense"/m)
  assert.equal((await request({ port, path: '/a' })).body, 'one')
  rmSync(file)
  command.signal('SIGHUP')
  await command.output(/cannot read proxy\.conf: there is no such file/)
  assert.equal((await request({ port, path: '/a' })).body, 'one')
})

test('HUP opens new addresses and closes old ones; others are left alone', async (t) => {
  const [first, second] = await freePorts(2)
  const base = entry(await named(t, 'one'))
  const { command, port, file } = await started(t, `${base}${listen}Address 127.0.0.1:${first}\n`)
  const untouched = await wireTo(command)
  writeFileSync(file, `${base}${listen}Address 127.0.0.1:${second}\n`)
  command.signal('SIGHUP')
  const [line] = await command.output(/reloaded proxy\.conf: .*/)
  assert.equal(
    line,
    `reloaded proxy.conf: listening on http://127.0.0.1:${second} too; no longer listening on http://127.0.0.1:${first}`,
  )
  for (const open of [port, second]) assert.equal((await request({ port: open, path: '/a' })).body, 'one')
  await assert.rejects(request({ port: first, path: '/a' }), { code: 'ECONNREFUSED' })
  untouched.write('GET /a HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await untouched.message()).text, 'one')
  untouched.destroy()
})

test('HUP says what becomes of the address for workers, and shows no token', async (t) => {
  const [first, second] = await freePorts(2)
  const base = entry(await named(t, 'one'))
  const { command, file } = await started(t, `${base}${listen}[WORKERS]\nListen ${first}\n`)
  const told = async (workers: string): Promise<string> => {
    const from = command.stdout.length
    writeFileSync(file, `${base}${listen}${workers}`)
    command.signal('SIGHUP')
    return (await command.output(/reloaded proxy\.conf: .*/, from))[0]
  }
  assert.equal(
    await told(`[WORKERS]\nListen ${second}\nToken sesame\n`),
    `reloaded proxy.conf: workers dial in at http://127.0.0.1:${second}; the token of workers changed`,
  )
  assert.equal(await told(''), 'reloaded proxy.conf: workers dial in nowhere; the token of workers changed')
})

test('HUP with an address that cannot be opened changes nothing', async (t) => {
  const [one, two] = [await named(t, 'one'), await named(t, 'two')]
  const taken = Number(two.split(':')[1])
  const [fresh] = await freePorts(1)
  const { command, port, file } = await started(t, `${entry(one)}${listen}`)
  writeFileSync(file, `${entry(two)}[LISTEN]\nAddress 127.0.0.1:${fresh} 127.0.0.1:${taken}\n`)
  command.signal('SIGHUP')
  await command.output(/was not reloaded/)
  await command.output(new RegExp(`cannot listen on http://127\\.0\\.0\\.1:${taken}: the address is in use`))
  assert.equal((await request({ port, path: '/a' })).body, 'one')
  await assert.rejects(request({ port: fresh, path: '/a' }), { code: 'ECONNREFUSED' })
})

test('--watch reloads when the file changes, and when one that is faulty is mended', async (t) => {
  const [one, two, three] = [await named(t, 'one'), await named(t, 'two'), await named(t, 'three')]
  const { command, port, file } = await started(t, `${entry(one)}${listen}`, '--watch')
  // As editors and deployments do it.
  writeFileSync(`${file}.new`, `${entry(two)}${listen}`)
  renameSync(`${file}.new`, file)
  await command.output(/reloaded proxy\.conf: entry all/)
  assert.equal((await request({ port, path: '/a' })).body, 'two')
  const included = join(file, '..', 'more.inc')
  writeFileSync(included, 'ServerList 127.0.0.1:99999\n')
  writeFileSync(file, `[PROXY_ENTRY all]\nMatch /a*\nInclude more.inc\n${listen}`)
  await command.output(/was not reloaded/)
  await command.output(/more\.inc:1:12: .*bad port/)
  const from = command.stdout.length
  writeFileSync(included, `ServerList ${three}\n`)
  await command.output(/reloaded proxy\.conf: entry all/, from)
  assert.equal((await request({ port, path: '/a' })).body, 'three')
})

test('a reader of its output that leaves does not end it', async (t) => {
  const { command, port } = await started(
    t,
    `${entry(await named(t, 'one'), 'FailStatus 200\nAttemptsCount 1\n')}${listen}`,
  )
  command.child.stdout?.destroy()
  // Logged, now to nobody.
  for (let i = 0; i < 3; i++) assert.equal((await request({ port, path: '/a' })).body, 'one')
  command.signal('SIGHUP')
  assert.equal((await request({ port, path: '/a' })).body, 'one')
  command.signal('SIGTERM')
  assert.deepEqual(await within(command.exited, 'the end'), { code: 0, signal: null })
})

test('TLS with HTTP/2, and a Unix socket', { skip: noOpenssl }, async (t) => {
  const cwd = folder(t)
  const socketPath = join(cwd, 'p.sock')
  const tls = `[LISTEN]\nAddress https://127.0.0.1:0\n${writeCertificate(cwd, certificates().localhost)}`
  const conf = `${entry(await named(t, 'one'))}${tls}[LISTEN]\nAddress unix:${socketPath}\n`
  writeFileSync(join(cwd, 'proxy.conf'), conf)
  const command = launch(t, ['start'], { cwd })
  const url = await command.listening()
  await command.output(new RegExp(`listening on unix:${socketPath}`))
  const session = connect(url, { ca: certificates().ca })
  t.after(() => session.destroy())
  for (const [path, status, body] of [
    ['/a', 200, /^one$/],
    ['/x', 404, /^404 Not Found/],
  ] as const) {
    const stream = session.request({ ':path': path }).setEncoding('utf8')
    const [headers] = await once(stream, 'response')
    assert.equal(headers[':status'], status)
    assert.match((await once(stream, 'data'))[0], body)
  }
  assert.equal((await request({ socketPath, path: '/a' })).body, 'one')
  command.signal('SIGTERM')
  assert.deepEqual(await within(command.exited, 'the end'), { code: 0, signal: null })
  assert.equal(existsSync(socketPath), false)
})
