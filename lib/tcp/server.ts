import { createServer, type Server, type Socket } from 'node:net'
import { keepAliveDelay } from './remote.js'

/** A server whose connections are made for a router; it does not listen yet. */
export function makeTcpServer(accept: (socket: Socket) => void): Server {
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveDelay,
  })
  return server.on('connection', accept)
}
