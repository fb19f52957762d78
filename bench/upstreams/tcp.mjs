/**
 * A server behind TCP proxies. The first byte of a connection says what it does: `p`, it answers with one byte and ends;
 * anything else, it sends as many bytes as the environment's `BYTES` says while it takes what comes.
 */

import { createServer } from 'node:net'

const bytes = Number(process.env.BYTES)
const chunk = Buffer.alloc(64 * 1024, 'x')

createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.once('data', (data) => {
    socket.resume()
    if (data[0] === 0x70) socket.end('q')
    else send(socket)
  })
}).listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
process.once('disconnect', () => process.exit())

function send(socket) {
  let sent = 0
  const write = () => {
    while (sent < bytes) {
      sent += chunk.length
      if (!socket.write(chunk)) return socket.once('drain', write)
    }
    socket.end()
  }
  write()
}
