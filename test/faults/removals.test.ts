import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { ManagedCommand } from '../support/managed-command.js'
import { request } from '../support/rig.js'
import { httpServer } from '../support/upstream.js'
import { eventually, Wire } from '../support/wire.js'

interface Rig {
  readonly proxy: ManagedCommand
  /** Of the server that has a download under way. */
  readonly port: number
  readonly download: Wire
  readonly answer: ServerResponse
}

async function downloading(t: TestContext): Promise<Rig> {
  const answers: ServerResponse[] = []
  const [leaving, staying] = [
    await httpServer(t, (_, res) => {
      res.writeHead(200, { 'Content-Length': 10 })
      res.write('12345')
      answers.push(res)
    }),
    await httpServer(t, (_, res) => res.end('other')),
  ]
  const proxy = await ManagedCommand.start(
    t,
    `[PROXY_ENTRY all]\nMatch /*\nServerList ${leaving.url} ${staying.url}\nLoadBalance First-Alive\n`,
  )
  const download = await Wire.connect(proxy.port)
  t.after(() => download.destroy())
  download.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await download.head()).status, 200)
  assert.equal((await download.bytes(5)).toString(), '12345')
  return { proxy, port: leaving.port, download, answer: answers[0]! }
}

test('DELETE with time to drain: a download ends well, and then comes the answer', async (t) => {
  const { proxy, port, download, answer } = await downloading(t)
  let answered = false
  const removal = proxy.call('DELETE', `/servers/127.0.0.1/${port}?drain=5m`).finally(() => {
    answered = true
  })
  await proxy.isIn('draining', port)
  assert.equal((await request({ port: proxy.port, path: '/' })).body, 'other')
  // A reload in between changes nothing of it.
  assert.match(await proxy.hangUp(), /^reloaded/)
  assert.equal((await request({ port: proxy.port, path: '/' })).body, 'other')
  assert.equal(answered, false)
  answer.end('67890')
  assert.equal((await download.bytes(5)).toString(), '67890')
  const { status, json } = await removal
  assert.equal(status, 200)
  assert.deepEqual(
    json.removed.map(({ id }: { id: string }) => id),
    [`http://127.0.0.1:${port}`],
  )
  assert.equal((await proxy.servers()).length, 1)
  // The client's connection is another matter.
  download.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal((await download.message()).text, 'other')
  assert.equal((await proxy.call('DELETE', `/servers/127.0.0.1/${port}?drain=5`)).status, 404)
})

test('DELETE with too little time to drain: a download that does not end is cut', async (t) => {
  const { proxy, port, download, answer } = await downloading(t)
  let aborted = false
  answer.on('close', () => {
    aborted = true
  })
  const { status, json } = await proxy.call('DELETE', `/servers/127.0.0.1/${port}?drain=300ms`)
  assert.deepEqual([status, json.removed.length], [200, 1])
  await download.atClose()
  assert.equal(download.unread, '')
  await eventually(() => aborted, 'the end at the server')
  assert.equal((await proxy.servers()).length, 1)
  assert.equal((await request({ port: proxy.port, path: '/' })).body, 'other')
})

test('a removal that waits is answered when the proxy ends', async (t) => {
  const { proxy, port, download, answer } = await downloading(t)
  const removal = proxy.call('DELETE', `/servers/127.0.0.1/${port}?drain=5m`)
  await proxy.isIn('draining', port)
  proxy.command.signal('SIGTERM')
  await proxy.command.output(/SIGTERM: finishing/)
  answer.end('67890')
  assert.equal((await download.bytes(5)).toString(), '67890')
  assert.equal((await removal).status, 200)
  assert.deepEqual(await proxy.command.exited, { code: 0, signal: null })
})
