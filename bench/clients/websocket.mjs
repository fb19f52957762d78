/**
 * WebSocket clients that each send a message, wait for its echo, and send the next.
 *
 *     node websocket.mjs PORT CONNECTIONS SECONDS
 *
 * Says `ready` when all are connected, begins when it is told to `go`, and says its `result`.
 */

import { WebSocket } from 'ws'

const [port, connections, seconds] = process.argv.slice(2).map(Number)
const message = Buffer.alloc(128, 'x')
/** Milliseconds of each message there and back. */
const times = []
let over = false

const clients = await Promise.all(Array.from({ length: connections }, open))
process.once('message', run)
process.once('disconnect', () => process.exit())
process.send?.({ ready: true })

function open() {
  return new Promise((resolve, reject) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/echo`, { perMessageDeflate: false })
    client.once('open', () => resolve(client)).once('error', reject)
  })
}

function run() {
  const begin = performance.now()
  for (const client of clients) converse(client)
  setTimeout(() => finish(performance.now() - begin), seconds * 1000)
}

function converse(client) {
  let sent = performance.now()
  client.on('message', (data) => {
    if (data.length !== message.length) throw new Error('the echo is another message')
    if (over) return
    const now = performance.now()
    times.push(now - sent)
    sent = now
    client.send(message)
  })
  client.send(message)
}

function finish(elapsed) {
  over = true
  times.sort((a, b) => a - b)
  const at = (part) => times[Math.floor(times.length * part)] ?? 0
  const count = times.length
  process.send?.({ result: { count, throughput: (count / elapsed) * 1000, p50: at(0.5), p99: at(0.99), failed: 0 } })
}
