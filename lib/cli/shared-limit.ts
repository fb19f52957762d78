import type { Server, Socket } from 'node:net'

/**
 * Divides `maxConnections` of a server among the processes that listen with it, whatever it is set to later on, and
 * closes what is beyond a process's part.
 *
 * Node's own limit would have a process give such a connection back to the primary, which asks the next one and, when
 * all are full, goes on asking until a connection ends.
 */
export function shareMaxConnections(server: Server, processes: number): void {
  let limit = server.maxConnections ?? Number.POSITIVE_INFINITY
  let open = 0
  Object.defineProperty(server, 'maxConnections', {
    get: () => undefined,
    set: (value: number) => {
      limit = value
    },
    configurable: true,
    enumerable: true,
  })
  server.prependListener('connection', (socket: Socket) => {
    if (open >= Math.ceil(limit / processes)) {
      socket.destroy()
      return
    }
    open++
    socket.once('close', () => open--)
  })
}
