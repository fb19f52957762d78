import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { type Route, routeByServerName, routeSocks4, type Socks4Request } from '#lib/tcp/index.js'
import { certificates } from '../support/certificates.js'
import { freePorts, noOpenssl } from '../support/network.js'
import { folder } from '../support/process.js'
import { named, refusingPort, rig } from '../support/tcp.js'

const run = promisify(execFile)
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0
const noCurl = has('curl') ? false : 'there is no curl on this machine'
const noGit = has('git') ? false : 'there is no git on this machine'

/** A web server that answers with its name. */
async function web(t: TestContext, name: string, tls?: { cert: string; key: string }): Promise<string> {
  const handler = (_: unknown, res: { end(text: string): void }): void => res.end(name)
  const listener = tls === undefined ? createHttpServer(handler) : createHttpsServer(tls, handler)
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => {
    listener.close()
    listener.closeAllConnections()
  })
  return `127.0.0.1:${(listener.address() as AddressInfo).port}`
}

test('TLS goes by the name that the client asks for', { skip: noOpenssl || noCurl }, async (t) => {
  const { localhost } = certificates()
  const [one, two, rest] = [
    await web(t, 'one', localhost),
    await web(t, 'two', localhost),
    await web(t, 'rest', localhost),
  ]
  const route = routeByServerName({ 'One.test': one, '*.test': two, '*.deep.test': rest, '*': rest })
  const { port } = await rig(t, route)
  const get = async (name: string): Promise<string> => {
    const args = ['-sk', '--max-time', '10', '--resolve', `${name}:${port}:127.0.0.1`, `https://${name}:${port}/`]
    return (await run('curl', args)).stdout
  }
  assert.equal(await get('one.test'), 'one')
  assert.equal(await get('other.test'), 'two')
  assert.equal(await get('x.deep.test'), 'rest')
  assert.equal(await get('elsewhere.example'), 'rest')
  // No name at all: an address is none.
  assert.equal((await run('curl', ['-sk', '--max-time', '10', `https://127.0.0.1:${port}/`])).stdout, 'rest')
  const strict = await rig(t, routeByServerName({ 'one.test': one }))
  const client = await strict.connect()
  client.write('GET / HTTP/1.1\r\n')
  assert.equal(await client.atEnd(), '')
})

test('a table of names is checked', () => {
  assert.throws(() => routeByServerName({ 'a b': 'h:1' }), /"a b" is no server name/)
  assert.throws(() => routeByServerName({ 'a.*': 'h:1' }), /"a\.\*" is no server name/)
  assert.throws(() => routeByServerName({ a: 'h' }), /a: the port is missing/)
  assert.throws(() => routeByServerName({ a: 5 as never }), /a leads to 5/)
})

test('curl goes through it by SOCKS 4 and 4a', { skip: noCurl }, async (t) => {
  const address = await web(t, 'inside')
  const port = address.split(':')[1]
  const asked: Socks4Request[] = []
  const proxy = await rig(
    t,
    routeSocks4({
      allow: async (request) => {
        asked.push(request)
        return request.host === 'elsewhere.test' ? address : request.host !== 'localhost'
      },
    }),
    { connectRetries: 0 },
  )
  const get = (option: string, url: string) =>
    run('curl', ['-s', '--max-time', '10', option, `me@127.0.0.1:${proxy.port}`, url]).then(
      ({ stdout }) => stdout,
      ({ code }) => `exit ${code}`,
    )
  assert.equal(await get('--socks4', `http://${address}/`), 'inside')
  assert.equal(await get('--socks4a', `http://elsewhere.test:${port}/`), 'inside')
  assert.equal(await get('--socks4a', `http://localhost:${port}/`), 'exit 97')
  assert.equal(await get('--socks4', `http://127.0.0.1:${await refusingPort()}/`), 'exit 97')
  assert.deepEqual(asked[0], { host: '127.0.0.1', port: Number(port), user: 'me' })
  assert.deepEqual(asked[1], { host: 'elsewhere.test', port: Number(port), user: 'me' })
})

/** A SOCKS request in hexadecimal. */
const socks = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

test('a SOCKS request is read byte by byte, and what follows it goes on', async (t) => {
  const echo = await named(t, 'x')
  const { connect: open } = await rig(t, routeSocks4({ allow: () => echo.address }))
  for (const request of [
    '04 01 0050 7f000001 00',
    '04 01 0050 7f000001 6d6500',
    '04 01 0050 00000007 6d6500 612e6200',
  ]) {
    const client = await open()
    const bytes = socks(request)
    for (const byte of bytes.subarray(0, -1)) client.write(Uint8Array.of(byte))
    client.write(Buffer.concat([bytes.subarray(-1), Buffer.from('hello')]))
    assert.deepEqual(await client.bytes(8), Buffer.from([0, 0x5a, 0, 0, 0, 0, 0, 0]))
    client.end(' world')
    assert.equal(await client.atEnd(), 'x:hello world')
  }
})

test('0.0.0.0 is an address of SOCKS 4, and no name of 4a', async (t) => {
  const echo = await named(t, 'x')
  const hosts: string[] = []
  const { connect: open } = await rig(
    t,
    routeSocks4({
      allow: ({ host }) => {
        hosts.push(host)
        return echo.address
      },
    }),
  )
  const client = await open()
  client.write(socks('04 01 0050 00000000 00'))
  assert.equal((await client.bytes(8))[1], 0x5a)
  assert.deepEqual(hosts, ['0.0.0.0'])
})

test('what is no SOCKS request for a connection is rejected', async (t) => {
  // What cannot be reached would be rejected too.
  let asked = 0
  const { connect: open } = await rig(t, routeSocks4({ allow: () => ++asked > 0 }))
  const rejected = Buffer.from([0, 0x5b, 0, 0, 0, 0, 0, 0]).toString('latin1')
  const bad = [
    '05 01 00',
    '04 02 0050 7f000001 00',
    '04 01 0000 7f000001 00',
    `04 01 0050 7f000001 ${'61'.repeat(257)}`,
    `04 01 0050 7f000001 ${'61'.repeat(256)} 00`,
    '04 01 0050 00000001 00 00',
    '04 01 0050 00000001 00 612f6200',
  ]
  for (const request of bad) {
    const client = await open()
    client.write(socks(request))
    assert.equal(await client.atEnd(), rejected, request)
  }
  assert.equal(asked, 0)
})

/** A Git daemon with one repository `name/project.git` with a file that says so. */
async function gitDaemon(t: TestContext, name: string): Promise<string> {
  const base = folder(t)
  const work = join(base, 'work')
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' }
  const git = (...args: string[]) => run('git', args, { env })
  await git('init', '-q', work)
  writeFileSync(join(work, 'who'), name)
  await git('-C', work, 'add', 'who')
  await git('-C', work, '-c', 'user.name=t', '-c', 'user.email=t@t', 'commit', '-qm', 'Say who')
  await git('clone', '-q', '--bare', work, join(base, name, 'project.git'))
  const [port] = await freePorts(1)
  const daemon: ChildProcess = spawn(
    'git',
    ['daemon', '--reuseaddr', '--export-all', `--base-path=${base}`, '--listen=127.0.0.1', `--port=${port}`],
    { stdio: 'ignore', detached: true },
  )
  t.after(() => process.kill(-daemon.pid!, 'SIGKILL'))
  for (let up = false; !up; ) {
    const probe = connect({ port: port!, host: '127.0.0.1' })
    up = await new Promise((resolve) => {
      probe.once('connect', () => resolve(true))
      probe.once('error', () => setTimeout(() => resolve(false), 20))
    })
    probe.destroy()
  }
  return `127.0.0.1:${port}`
}

test('git clones through a router that reads the path of the repository', { skip: noGit }, async (t) => {
  const homes = new Map([
    ['ada', await gitDaemon(t, 'ada')],
    ['bob', await gitDaemon(t, 'bob')],
  ])
  const route: Route = (data) => {
    // The first packet: four digits of its length, then git-upload-pack /ada/project.git\0host=…\0
    const request = /^[0-9a-f]{4}git-upload-pack \/([\w.-]+)\/[\w.-]+\0/.exec(data.toString('latin1'))
    if (request === null) return data.length < 1024 ? { noop: true } : { close: true }
    const remote = homes.get(request[1]!)
    return remote === undefined ? { close: true } : { remote }
  }
  const { port } = await rig(t, route)
  for (const name of homes.keys()) {
    const target = join(folder(t), 'clone')
    await run('git', ['clone', '-q', `git://127.0.0.1:${port}/${name}/project.git`, target])
    assert.equal(readFileSync(join(target, 'who'), 'utf8'), name)
  }
  const nowhere = join(folder(t), 'clone')
  await assert.rejects(run('git', ['clone', '-q', `git://127.0.0.1:${port}/eve/project.git`, nowhere]))
  assert.equal(existsSync(nowhere), false)
})
