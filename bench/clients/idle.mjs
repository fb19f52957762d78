/**
 * Connections that do nothing, once each has been answered: a WebSocket, or a request whose connection is kept.
 *
 *     node idle.mjs PORT CONNECTIONS websocket|request
 *
 * Says `open` with the number of them. When it is told to `count` it says `alive`, how many still are open.
 */

import { connect } from 'node:net'

const port = Number(process.argv[2])
const wanted = Number(process.argv[3])
const head =
  process.argv[4] === 'websocket'
    ? 'GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    : 'GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n'
const success = process.argv[4] === 'websocket' ? /^HTTP\/1\.1 101 / : /^HTTP\/1\.1 200 /

let alive = 0
let next = 0
process.on('message', () => process.send?.({ alive }))
process.once('disconnect', () => process.exit())
// A few at a time: a server's queue of connections has an end.
await Promise.all(Array.from({ length: 32 }, openInTurn))
process.send?.({ open: alive })

async function openInTurn() {
  while (next < wanted) {
    next++
    await open()
  }
}

function open() {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(head))
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (!isWhole(text)) return
      socket.removeAllListeners('data').resume()
      if (!success.test(text)) return reject(new Error(`the answer is ${text.split('\r\n')[0]}`))
      alive++
      socket.once('close', () => alive--)
      resolve(undefined)
    })
    socket.once('error', reject)
  })
}

function isWhole(text) {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1] ?? '0'
  return text.length >= end + 4 + Number(length)
}
