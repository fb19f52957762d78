import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ListenError } from '#lib/listen/listen-error.js'
import { freePorts } from '../support/network.js'
import { folder } from '../support/process.js'
import { Wire, within } from '../support/wire.js'
import { listening, portOf, sections } from './support.js'

async function answers(target: Parameters<typeof Wire.connect>[0]): Promise<string> {
  const wire = await Wire.connect(target)
  wire.write('GET / HTTP/1.0\r\n\r\n')
  return (await wire.message()).text
}

function problems(change: Promise<unknown>): Promise<readonly string[]> {
  return change.then(
    () => [],
    (error) => {
      assert.ok(error instanceof ListenError)
      return error.problems
    },
  )
}

test('limits change without listening anew', async (t) => {
  const listeners = await listening(t, (_, res) => res.end('x'), { address: '127.0.0.1:0' })
  const port = portOf(listeners)
  const change = await listeners.prepare(sections({ address: '127.0.0.1:0', maxHeaderSize: 1024, shutdownTimeout: 7 }))
  change.commit()
  assert.deepEqual([portOf(listeners), listeners.shutdownTimeout], [port, 7000])
  const wire = await Wire.connect(port)
  wire.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(2000)}\r\n\r\n`)
  assert.equal((await wire.message()).status, 431)
})

test('undo closes what was opened', async (t) => {
  const [first, second] = (await freePorts(2)) as [number, number]
  const listeners = await listening(t, (_, res) => res.end('x'), { address: first })
  const change = await listeners.prepare(sections({ address: [second] }))
  assert.equal(await answers(second), 'x')
  await change.undo()
  await assert.rejects(Wire.connect(second), { code: 'ECONNREFUSED' })
  assert.equal(await answers(first), 'x')
})

test('what is not listed any more finishes its requests', async (t) => {
  const [first, second] = (await freePorts(2)) as [number, number]
  let release = () => {}
  const listeners = await listening(
    t,
    (_, res) => {
      release = () => res.end('late')
    },
    { address: first },
  )
  const wire = await Wire.connect(first)
  wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const change = await listeners.prepare(sections({ address: [second] }))
  change.commit()
  await assert.rejects(Wire.connect(first), { code: 'ECONNREFUSED' })
  release()
  const answer = await wire.message()
  assert.deepEqual([answer.text, answer.field('connection')], ['late', 'close'])
  await within(listeners.close(5_000), 'the close')
})

test('an address that stands twice, or is taken by the proxy itself', async (t) => {
  const [port] = (await freePorts(1)) as [number]
  const listeners = await listening(t, (_, res) => res.end('x'), { address: `127.0.0.1:${port}` })
  assert.deepEqual(await problems(listeners.prepare(sections({ address: [9999, 9999] }))), [
    'http://localhost:9999 (all addresses) is listed twice',
  ])
  const [problem = ''] = await problems(listeners.prepare(sections({ address: port })))
  assert.match(
    problem,
    /the address is in use.*; this proxy listens on http:\/\/127\.0\.0\.1:\d+ itself, and needs a new start/,
  )
})

const addressProblems: readonly [address: string, problem: RegExp][] = [
  ['203.0.113.7:8080', /this machine has no address 203\.0\.113\.7/],
  ['no.such.host.invalid:8080', /no address is known for the name no\.such\.host\.invalid/],
]

for (const [address, problem] of addressProblems) {
  test(`an address that cannot be listened at: ${address}`, async (t) => {
    const listeners = await listening(t, (_, res) => res.end('x'), { address: '127.0.0.1:0' })
    const [text = ''] = await problems(listeners.prepare(sections({ address })))
    assert.match(text, problem)
  })
}

async function socketPath(t: TestContext): Promise<string> {
  return join(folder(t), 'p.sock')
}

test('a Unix socket is listened at, and its file is removed at the end', async (t) => {
  const path = await socketPath(t)
  const listeners = await listening(t, (_, res) => res.end('unix'), { address: `unix:${path}` })
  assert.deepEqual(listeners.urls, [`unix:${path}`])
  assert.equal(await answers({ path }), 'unix')
  await listeners.close(1_000)
  assert.equal(existsSync(path), false)
})

test('the socket of a process that died is replaced, that of a live one is not', async (t) => {
  const path = await socketPath(t)
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script])
  assert.ok(statSync(path).isSocket())
  await listening(t, (_, res) => res.end('new'), { address: `unix:${path}` })
  assert.equal(await answers({ path }), 'new')
  const others = await listening(t, (_, res) => res.end('x'), { address: '127.0.0.1:0' })
  assert.deepEqual(await problems(others.prepare(sections({ address: `unix:${path}` }))), [
    `cannot listen on unix:${path}: another process listens there already`,
  ])
  assert.equal(await answers({ path }), 'new')
})

test('a file that is no socket is left alone', async (t) => {
  const path = await socketPath(t)
  writeFileSync(path, 'precious')
  const listeners = await listening(t, (_, res) => res.end('x'), { address: '127.0.0.1:0' })
  const [text = ''] = await problems(listeners.prepare(sections({ address: `unix:${path}` })))
  assert.match(text, /there is a file of that name, and it is no socket/)
  assert.ok(statSync(path).isFile())
  mkdirSync(`${path}.d`)
  const [folderText = ''] = await problems(listeners.prepare(sections({ address: `unix:${path}.d` })))
  assert.match(folderText, /it is no socket/)
})

test('a privileged port: what is needed is said', { skip: privileged() }, async (t) => {
  const listeners = await listening(t, (_, res) => res.end('x'), { address: '127.0.0.1:0' })
  const [text = ''] = await problems(listeners.prepare(sections({ address: '127.0.0.1:81' })))
  assert.match(text, /permission denied; ports below 1024 need a privilege/)
})

function privileged(): string | false {
  return process.getuid?.() === 0 ? 'this user may listen on every port' : false
}

test('closing twice is closing once', async (t) => {
  const listeners = await listening(t, (_, res) => res.end('x'), { address: '127.0.0.1:0' })
  await Promise.all([listeners.close(0), listeners.close(0)])
  await listeners.close(0)
})
