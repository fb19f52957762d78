/** Taking the header of the PROXY protocol off a connection, before whoever serves it gets it. */

import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import { type ProxyHeader, ProxyHeaderError } from './header.js'
import { parseProxyHeader } from './parse.js'

/**
 * Reads the header that a connection begins with; what follows it stays in the socket, for whoever reads it next, as
 * `server.emit('connection', socket)` of Node's servers does. Nobody else may have read from it. The socket keeps a
 * listener for errors.
 *
 * Rejects with a {@link ProxyHeaderError} when there is no header, when it does not come within `timeout` milliseconds,
 * and when the connection ends before; the socket is destroyed then.
 */
export function receiveProxyHeader(socket: Socket, clock: Clock, timeout: number): Promise<ProxyHeader> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0)
    const stop = (): void => {
      timer.cancel()
      socket.off('readable', read)
      socket.off('end', ended)
      socket.off('close', ended)
    }
    const refuse = (error: unknown): void => {
      stop()
      socket.destroy()
      reject(error)
    }
    const ended = (): void => refuse(new ProxyHeaderError('the connection ended before its PROXY protocol header'))
    const read = (): void => {
      const chunk = socket.read() as Buffer | null
      if (chunk === null) return
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      try {
        const header = parseProxyHeader(received)
        if (header === 'more') return
        stop()
        const rest = received.subarray(header.length)
        if (rest.length > 0) socket.unshift(rest)
        resolve(header)
      } catch (error) {
        refuse(error)
      }
    }
    const timer = clock.setTimeout(() => {
      refuse(new ProxyHeaderError(`no PROXY protocol header within ${timeout} ms`))
    }, timeout)
    socket.on('error', ignore)
    socket.on('readable', read)
    socket.on('end', ended)
    socket.on('close', ended)
  })
}

function ignore(): void {}
