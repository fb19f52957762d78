/** One server that speaks whatever it likes over TCP or a Unix socket: its name, and connections to it. */

import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { ProxyError } from '../errors.js'
import { parseLocation, type ServerAddress } from '../pool/address.js'
import { connectError, type DialWaiter, lookupLoopback } from '../transports/dial.js'

/** A server, in a form that needs no further parsing. */
export interface Remote {
  /** As it was named. */
  readonly name: string
  readonly target: NetConnectOpts
}

/** After this many milliseconds without a byte the system asks whether the other end is still there. */
export const keepAliveDelay = 60_000

const settings = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: keepAliveDelay,
  // Both address families are tried (RFC 8305).
  autoSelectFamily: true,
}

/**
 * `host:port`, `[::1]:port` or `unix:/path`.
 *
 * @throws Error naming what is wrong with the text
 */
export function parseRemote(text: string): Remote {
  if (/^unix:/i.test(text)) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
    if (!path.startsWith('/')) {
      throw new Error(`bad server address "${text}"; the path of a socket is absolute, as in unix:/run/app.sock`)
    }
    return { name: text, target: { path, allowHalfOpen: true } }
  }
  const { host, port } = parseLocation(text, undefined, text)
  return networkRemote(text, host, port)
}

/** The server of a pool. */
export function remoteOf({ id, host, port, socketPath }: ServerAddress): Remote {
  if (socketPath !== undefined) return { name: id, target: { path: socketPath, allowHalfOpen: true } }
  return networkRemote(id, host, port)
}

function networkRemote(name: string, host: string, port: number): Remote {
  const target: NetConnectOpts = { host, port, ...settings }
  if (host === 'localhost') target.lookup = lookupLoopback
  return { name, target }
}

/** Begins a connection, which may take as long as it likes. Returns how to give up. */
export function dial({ target }: Remote, waiter: DialWaiter): () => void {
  let socket: Socket
  try {
    socket = connect(target)
  } catch (error) {
    const failure = new ProxyError('ERR_CONNECT_FAILED', (error as Error).message)
    let givenUp = false
    process.nextTick(() => givenUp || waiter.unconnected(failure))
    return () => {
      givenUp = true
    }
  }
  const stop = (): void => {
    socket.off('connect', connected)
    socket.off('error', failed)
    // Without a listener an error would end the process.
    socket.on('error', ignore)
  }
  const connected = (): void => {
    stop()
    waiter.connected(socket)
  }
  const failed = (error: NodeJS.ErrnoException): void => {
    stop()
    socket.destroy()
    waiter.unconnected(connectError(error, false))
  }
  socket.on('connect', connected)
  socket.on('error', failed)
  return () => {
    stop()
    socket.destroy()
  }
}

function ignore(): void {}
