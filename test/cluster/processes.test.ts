/** Real processes over node:cluster: who gets connections, and what becomes of them when a process dies. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { freeze } from '../support/freeze.js'
import { freePorts } from '../support/network.js'
import { folder } from '../support/process.js'
import { eventually, within } from '../support/wire.js'
import { patiently } from './patience.js'
import { ask, RealCluster, type Reply } from './real.js'

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('all processes serve at one address, and TERM ends them all with 0', async (t) => {
  const cluster = new RealCluster(t, 3)
  const { urls, pids } = (await cluster.line('pids')) as { urls: string[]; pids: number[] }
  assert.equal(new Set(pids).size, 3)
  const replies = await Promise.all(Array.from({ length: 30 }, () => ask(urls[0]!)))
  assert.deepEqual(new Set(replies.map(({ pid }) => pid)), new Set(pids))
  assert.equal((await cluster.command('snapshot')).success, 30)
  cluster.child.kill('SIGTERM')
  assert.deepEqual(await patiently(cluster.exited, 'the end'), [0, null])
  assert.deepEqual(cluster.lines.at(-1), { stopped: true })
  assert.deepEqual(pids.map(alive), [false, false, false])
})

test('a change is in force in every process before it answers', async (t) => {
  const cluster = new RealCluster(t, 3)
  const { urls } = (await cluster.line('urls')) as { urls: string[] }
  for (let round = 1; round <= 3; round++) {
    await cluster.command('add', `10.0.0.${round}:80`)
    const replies = await Promise.all(Array.from({ length: 12 }, () => ask(urls[0]!)))
    for (const { servers } of replies) assert.equal(servers.length, round)
  }
})

test('a process that is killed is replaced, and its successor knows every change', async (t) => {
  const cluster = new RealCluster(t, 2)
  const { urls, pids } = (await cluster.line('urls')) as { urls: string[]; pids: number[] }
  await cluster.command('add', '10.0.0.1:80')
  process.kill(pids[0]!, 'SIGKILL')
  const now = await cluster.serving(2, [pids[0]!])
  assert.ok(
    cluster.lines.some(
      ({ line }) => line === `process ${pids[0]} was ended by SIGKILL; another one takes its place at once`,
    ),
  )
  const successor = now.find((pid) => !pids.includes(pid))
  const replies = await Promise.all(Array.from({ length: 20 }, () => ask(urls[0]!)))
  const own = replies.filter(({ pid }) => pid === successor)
  assert.ok(own.length > 0)
  assert.deepEqual(own[0]!.servers, ['10.0.0.1:80'])
})

test('a process that hangs is replaced, and connections that were handed to it are answered', async (t) => {
  const cluster = new RealCluster(t, 2)
  const { urls, pids } = (await cluster.line('urls')) as { urls: string[]; pids: number[] }
  await freeze(pids[0]!)
  const replies = await patiently(Promise.all(Array.from({ length: 8 }, () => ask(urls[0]!))), 'every answer')
  assert.equal(replies.filter(({ pid }) => pid === pids[0]).length, 0)
  await cluster.serving(2, [pids[0]!])
  const line = `process ${pids[0]} was killed: it has not answered for 10 s; another one takes its place at once`
  assert.ok(cluster.lines.some((each) => each.line === line))
  cluster.child.kill('SIGTERM')
  assert.deepEqual(await patiently(cluster.exited, 'the end'), [0, null])
})

test('connections that a process had not taken when it was killed go to another one', async (t) => {
  const cluster = new RealCluster(t, 2)
  const { urls } = (await cluster.line('urls')) as { urls: string[]; pids: number[] }
  for (let round = 0; round < 5; round++) {
    // Both processes are busy, and a connection is on its way to each.
    const busy: Promise<unknown>[] = []
    for (let n = 0; n < 2; n++) {
      await new Promise<void>((blocked) => {
        busy.push(ask(`${urls[0]}/?block=500`, blocked).catch((error: Error) => error))
      })
    }
    const waiting = Array.from({ length: 6 }, () => ask(urls[0]!))
    const settled = Promise.all(waiting)
    const pids = await cluster.pids()
    process.kill(pids[0]!, 'SIGKILL')
    const replies = await within(settled, 'every answer')
    assert.equal(replies.length, 6)
    const outcomes = await within(Promise.all(busy), 'the busy ones')
    assert.ok(outcomes.filter((each) => each instanceof Error).length <= 1)
    await cluster.serving(2, [pids[0]!])
  }
})

test('when all are killed at once, nobody hangs, and the address comes back', async (t) => {
  const [port] = await freePorts(1)
  const cluster = new RealCluster(t, 2, `127.0.0.1:${port}`)
  const { urls, pids } = (await cluster.line('urls')) as { urls: string[]; pids: number[] }
  const busy = Array.from({ length: 6 }, () => ask(`${urls[0]}/?block=300`).catch((error: Error) => error))
  await cluster.pids()
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await within(Promise.all(busy), 'an end of every request')
  await cluster.serving(2, pids)
  assert.ok((await ask(urls[0]!)).pid > 0)
})

test('under load five processes are killed: only requests on their own connections are lost', async (t) => {
  const cluster = new RealCluster(t, 2)
  const { urls } = (await cluster.line('urls')) as { urls: string[] }
  let over = false
  let [answered, failed] = [0, 0]
  const client = async (): Promise<void> => {
    while (!over) {
      await within(
        ask(urls[0]!).then(
          () => answered++,
          () => failed++,
        ),
        'an answer',
      )
    }
  }
  const clients = Array.from({ length: 8 }, client)
  for (let round = 0; round < 5; round++) {
    const [victim] = await cluster.serving(2)
    const before = answered
    await eventually(() => answered > before + 50, 'some traffic')
    process.kill(victim!, 'SIGKILL')
    await cluster.serving(2, [victim!])
  }
  over = true
  await Promise.all(clients)
  // Each client has one request under way at a time.
  assert.ok(failed <= 5 * 8, `${failed} failed`)
  assert.ok(answered > 250)
})

test('a reload moves all processes to another address, and a taken one changes nothing', async (t) => {
  const [first, second] = await freePorts(2)
  const cluster = new RealCluster(t, 3, `127.0.0.1:${first}`)
  await cluster.line('urls')
  assert.deepEqual((await cluster.command('reload', `127.0.0.1:${second}`)).urls, [`http://127.0.0.1:${second}`])
  const replies = await Promise.all(Array.from({ length: 12 }, () => ask(`http://127.0.0.1:${second}`)))
  assert.equal(new Set(replies.map(({ pid }) => pid)).size, 3)
  await assert.rejects(ask(`http://127.0.0.1:${first}`), { code: 'ECONNREFUSED' })
  const blocker = new RealCluster(t, 1, `127.0.0.1:${first}`)
  await blocker.line('urls')
  const refused = await cluster.command('reload', `127.0.0.1:${first}`)
  assert.match(String(refused.message), /the address is in use/)
  assert.ok((await ask(`http://127.0.0.1:${second}`)).pid > 0)
  assert.equal((await cluster.pids()).length, 3)
})

test('an address that is taken ends the start', async (t) => {
  const cluster = new RealCluster(t, 1)
  const { urls } = (await cluster.line('urls')) as { urls: string[] }
  const other = new RealCluster(t, 3, new URL(urls[0]!).host)
  assert.match(String((await other.line('failed')).message), /cannot listen on .* the address is in use/)
})

test('a Unix socket is shared, and gone at the end', async (t) => {
  const path = join(folder(t), 's')
  const cluster = new RealCluster(t, 2, `unix:${path}`)
  const { pids } = (await cluster.line('pids')) as { pids: number[] }
  const replies = await Promise.all(Array.from({ length: 12 }, () => ask({ socketPath: path, path: '/' })))
  assert.deepEqual(new Set(replies.map(({ pid }) => pid)), new Set(pids))
  cluster.child.kill('SIGTERM')
  await patiently(cluster.exited, 'the end')
  assert.equal(existsSync(path), false)
})

test('signals to a serving process do nothing; when its manager is killed it finishes its request and ends', async (t) => {
  const cluster = new RealCluster(t, 2)
  const { urls, pids } = (await cluster.line('urls')) as { urls: string[]; pids: number[] }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(pids[0]!, signal)
  assert.deepEqual(await cluster.pids(), pids)
  const { port } = new URL(urls[0]!)
  const req = request({ port, method: 'POST', agent: false, headers: { expect: '100-continue' } })
  const answered = new Promise<Reply>((resolve, reject) => {
    req.on('error', reject).on('response', (res) => {
      let text = ''
      res.on('data', (chunk) => {
        text += chunk
      })
      res.on('end', () => resolve(JSON.parse(text)))
    })
  })
  req.flushHeaders()
  await within(new Promise((resolve) => req.once('continue', resolve)), 'the request to begin')
  cluster.child.kill('SIGKILL')
  req.end()
  assert.ok(pids.includes((await within(answered, 'the answer')).pid))
  await eventually(() => !pids.some(alive), 'the end of both')
})
