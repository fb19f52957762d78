// A chat behind a proxy: the Express app serves the page, and the WebSockets go through the proxy to the chat server.
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { createProxy } from 'pointsman'
import { WebSocket, WebSocketServer } from 'ws'

// The chat server: what one says, all hear.
const chat = http.createServer((_req, res) => res.end(`${sockets.clients.size} in the room\n`))
const sockets = new WebSocketServer({ server: chat })
sockets.on('connection', (socket) => {
  socket.on('error', console.error)
  socket.on('message', (message) => {
    for (const client of sockets.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(String(message))
    }
  })
})
chat.listen(0, '127.0.0.1')
await once(chat, 'listening')

// One entry for requests and WebSockets alike.
const proxy = createProxy({
  entries: [{ match: '/chat', serverList: `127.0.0.1:${chat.address().port}`, tunnelTimeout: '1h' }],
})

const app = express()
app.use(proxy)
app.use(express.static(fileURLToPath(new URL('public', import.meta.url))))

const server = app.listen(process.env.PORT ?? 8080, '127.0.0.1')
proxy.attach(server) // Without this, WebSockets would not reach the proxy.
await once(server, 'listening')

const { port } = server.address()
console.log(`Listening on http://127.0.0.1:${port}
  open http://127.0.0.1:${port}/ in two windows, or
  curl http://127.0.0.1:${port}/chat`)
