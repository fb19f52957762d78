import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createProxy } from '#lib/create.js'
import { Restartable } from '../support/restartable.js'

const concurrency = 1000
const total = 12_000
const kills = 6

test('a thousand requests at once while servers are killed and started again', { timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'restarts-'))
  const log = join(folder, 'posts')
  writeFileSync(log, '')
  const script = join(import.meta.dirname, '../support/logging-server.js')
  const servers = Array.from({ length: 4 }, () => new Restartable(script, log))
  await Promise.all(servers.map((server) => server.start()))
  const serverList = servers.map(({ port }) => `127.0.0.1:${port}`)
  // The default OfflineTimeOut: a server that was started again rests long after it could answer.
  const proxy = createProxy({ entries: [{ match: '/*', serverList }] }, { logger: false })
  const front = createServer(proxy).listen(0, '127.0.0.1')
  await once(front, 'listening')
  const { port } = front.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
  t.after(async () => {
    agent.destroy()
    front.close()
    await proxy.close({ timeout: 0 })
    await Promise.all(servers.map((server) => server.kill()))
    rmSync(folder, { recursive: true })
  })

  const results = { GET: new Map<string, number>(), POST: new Map<string, number>() }
  let done = 0
  let next = 0
  const send = (id: number): Promise<void> =>
    new Promise((resolve) => {
      const method = id % 5 === 0 ? 'POST' : 'GET'
      const finish = (result: string): void => {
        results[method].set(result, (results[method].get(result) ?? 0) + 1)
        done++
        resolve()
      }
      const req = httpRequest({ port, host: '127.0.0.1', agent, method, path: `/${id}`, headers: { 'X-Id': id } })
      req.on('response', (res) => {
        res.resume()
        res.on('end', () => finish(String(res.statusCode)))
        res.on('error', (error) => finish(error.message))
      })
      req.on('error', (error) => finish(error.message))
      req.end(method === 'POST' ? 'x'.repeat(2000) : undefined)
    })
  const worker = async (): Promise<void> => {
    while (next < total) await send(next++)
  }
  const load = Promise.all(Array.from({ length: concurrency }, worker))
  const restarts = (async () => {
    for (let i = 0; i < kills; i++) {
      const server = servers[i % servers.length] as Restartable
      // Spread over the load, by what was answered rather than by time.
      const after = ((i + 1) * total) / (kills + 2)
      while (done < after) await new Promise((resolve) => setImmediate(resolve))
      await server.kill()
      await server.start()
    }
  })()
  await Promise.all([load, restarts])

  assert.deepEqual([...results.GET], [['200', (total * 4) / 5]], 'a GET failed')
  const posts = results.POST
  assert.ok((posts.get('200') ?? 0) > (total / 5) * 0.7, `few POSTs were answered: ${JSON.stringify([...posts])}`)
  assert.deepEqual(
    [...posts.keys()].filter((result) => result !== '200' && result !== '502'),
    [],
  )
  const ids = readFileSync(log, 'utf8').trim().split('\n')
  assert.equal(new Set(ids).size, ids.length, 'a POST reached servers twice')
  assert.ok(ids.length > 0)
  assert.equal(
    proxy.pools[0]?.servers.reduce((sum, { connections }) => sum + connections, 0),
    0,
  )
})
