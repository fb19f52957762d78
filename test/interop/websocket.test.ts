import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import express from 'express'
import { WebSocket, WebSocketServer } from 'ws'
import { createProxy } from '#lib/create.js'
import { transportNames } from '#lib/transports/names.js'

const messages = 10_000

for (const transport of transportNames) {
  test(`${messages} messages are echoed through Express, by ${transport}`, { timeout: 60_000 }, async (t) => {
    const upstream = createServer()
    const sockets = new WebSocketServer({ server: upstream })
    sockets.on('connection', (socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    })
    const serverList = `127.0.0.1:${await listen(upstream)}`
    const proxy = createProxy({ entries: [{ match: '/echo', serverList, transport }] })
    const app = express()
    app.use(proxy)
    const front = createServer(app)
    proxy.attach(front)
    const client = new WebSocket(`ws://127.0.0.1:${await listen(front)}/echo`)
    t.after(async () => {
      client.terminate()
      await proxy.close({ timeout: 1000 })
      front.close()
      sockets.close()
      upstream.close()
    })
    await once(client, 'open')
    let received = 0
    const done = new Promise<void>((resolve, reject) => {
      client.on('message', (data, isBinary) => {
        const expected = message(received)
        if (isBinary !== Buffer.isBuffer(expected) || data.toString() !== expected.toString()) {
          reject(new Error(`message ${received} came back as ${data.toString().slice(0, 40)}`))
        }
        if (++received === messages) resolve()
      })
    })
    for (let i = 0; i < messages; i++) client.send(message(i))
    await done
    assert.equal(received, messages)
    client.close(1000, 'done')
    const [code] = await once(client, 'close')
    assert.equal(code, 1000)
  })
}

/** Text and binary, short and long: lengths of every form (RFC 6455 §5.2). */
function message(i: number): string | Buffer {
  const text = `${i}:${'x'.repeat(i % 100 === 0 ? 70_000 : i % 10 === 0 ? 300 : i % 50)}`
  return i % 3 === 0 ? Buffer.from(text) : text
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
