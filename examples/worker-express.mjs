// An Express app with a WebSocket, as a worker of the service "api": entries list it as worker:api. The app has a server
// of Node's own, which gets the upgrades; it does not have to listen.
import http from 'node:http'
import express from 'express'
import { joinProxy } from 'pointsman/worker'
import { WebSocketServer } from 'ws'

const app = express()
app.set('trust proxy', true) // req.ip is then the client's; nobody but the proxy can reach this app.
app.use(express.json())
app.get('/api/hello', (req, res) => res.send(`Hello, ${req.ip}\n`))
app.post('/api/users', (req, res) => res.status(201).json({ created: req.body.name }))

const server = http.createServer(app)
new WebSocketServer({ server, path: '/api/echo' }).on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
})

const joined = joinProxy(server, (process.env.PROXY ?? 'http://127.0.0.1:8000').split(' '), {
  service: 'api',
  token: process.env.POINTSMAN_TOKEN, // The Token of [WORKERS], if it has one.
})
joined.on('joined', ({ proxy }) => console.log(`Serving worker:api through ${proxy}`))

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => joined.leave())
