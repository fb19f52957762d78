/** A WebSocket server that sends every message back: `node echo.mjs PORT`. */

import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const server = createServer((_req, res) => res.end())
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
sockets.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  socket.on('error', () => socket.terminate())
})
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
process.once('disconnect', () => process.exit())
