/**
 * The connections to one server: those that wait for their next request, and the making of new ones.
 *
 * Unused connections are taken last in, first out, so that a burst's surplus grows old and is closed. A connection
 * that the server closes, or speaks on without being asked, is thrown away while it waits.
 */

import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket, type ConnectionOptions as TlsOptions } from 'node:tls'
import type { Clock, Timer } from '../clock.js'
import { type ErrorCode, ProxyError } from '../errors.js'
import type { ServerAddress } from '../pool/address.js'
import type { ConnectionOptions } from './transport.js'

/** Whoever waits for a connection. Exactly one of the two is called, once, and never during `acquire`. */
export interface ConnectionWaiter {
  connected(socket: Socket, reused: boolean): void
  unconnected(error: ProxyError): void
}

/** A connection that waits for its next request, and is guarded meanwhile: whatever happens on it ends it. */
interface Unused {
  readonly socket: Socket
  readonly expires: number
  /** Closes it. */
  readonly discard: () => void
  /** It is about to be used. */
  readonly unguard: () => void
}

export class Connections {
  readonly #address: ServerAddress
  readonly #options: ConnectionOptions
  readonly #clock: Clock
  readonly #localAddress: string | undefined
  readonly #unused: Unused[] = []
  #sweeper: Timer | undefined
  #tlsSession: Buffer | undefined
  #closed = false

  constructor(address: ServerAddress, options: ConnectionOptions, clock: Clock, localAddress?: string) {
    this.#address = address
    this.#options = options
    this.#clock = clock
    this.#localAddress = localAddress
  }

  /**
   * Finds or makes a connection. `fresh`: not one that has been used before. `settled`: let the event loop turn once
   * before a kept connection is handed out, so that a close that has already arrived is seen. Returns how to give up.
   */
  acquire(fresh: boolean, settled: boolean, waiter: ConnectionWaiter): () => void {
    const kept = fresh ? undefined : this.#take()
    if (kept === undefined) return this.#dial(waiter)
    let given = false
    let giveUp = (): void => {
      given = true
      kept.discard()
    }
    const hand = (): void => {
      if (given) return
      given = true
      if (isUsable(kept.socket)) {
        // It stays in flowing mode: whoever takes it listens in this same turn.
        kept.unguard()
        waiter.connected(kept.socket, true)
      } else {
        kept.discard()
        giveUp = this.acquire(false, settled, waiter)
      }
    }
    if (settled) setImmediate(hand)
    else process.nextTick(hand)
    return () => giveUp()
  }

  /** Takes back a connection on which a request and its answer are complete. `hint`: the server's timeout in ms. */
  release(socket: Socket, hint: number | undefined): void {
    // A server closes at its timeout; a request sent in that moment would be lost, so stop a second earlier.
    const kept = Math.min(this.#options.keepAliveTimeout, hint === undefined ? Number.POSITIVE_INFINITY : hint - 1000)
    const full = this.#unused.length >= this.#options.keepAliveConnections
    if (this.#closed || full || kept <= 0 || !isUsable(socket) || socket.readableLength > 0) {
      socket.destroy()
      return
    }
    const discard = (): void => {
      const at = this.#unused.findIndex((unused) => unused.socket === socket)
      if (at >= 0) this.#unused.splice(at, 1)
      socket.destroy()
    }
    const unguard = (): void => {
      socket.off('data', discard)
      socket.off('end', discard)
      socket.off('close', discard)
      socket.ref()
    }
    socket.on('data', discard)
    socket.on('end', discard)
    socket.on('close', discard)
    socket.resume()
    socket.unref()
    this.#unused.push({ socket, expires: this.#clock.now() + kept, discard, unguard })
    this.#sweeper ??= this.#clock.setTimeout(() => this.#sweep(), kept)
  }

  /** Closes the unused connections, and those in use when they come back. */
  close(): void {
    this.#closed = true
    this.#sweeper?.cancel()
    for (const { socket } of [...this.#unused]) socket.destroy()
    this.#unused.length = 0
  }

  #take(): Unused | undefined {
    const now = this.#clock.now()
    for (;;) {
      const unused = this.#unused.pop()
      if (unused === undefined || (unused.expires > now && isUsable(unused.socket))) return unused
      unused.discard()
    }
  }

  #sweep(): void {
    this.#sweeper = undefined
    const now = this.#clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const unused of [...this.#unused]) {
      if (unused.expires <= now) unused.discard()
      else next = Math.min(next, unused.expires)
    }
    if (next < Number.POSITIVE_INFINITY) this.#sweeper = this.#clock.setTimeout(() => this.#sweep(), next - now)
  }

  #dial(waiter: ConnectionWaiter): () => void {
    const socket = this.#address.secure ? this.#dialTls() : connectTcp(this.#target())
    const timer = this.#clock.setTimeout(() => {
      fail(new ProxyError('ERR_CONNECT_TIMEOUT', `no connection within ${this.#options.connectTimeout} ms`))
    }, this.#options.connectTimeout)
    const stop = (): void => {
      timer.cancel()
      socket.off(this.#address.secure ? 'secureConnect' : 'connect', connected)
      socket.off('error', failed)
      socket.off('close', closed)
    }
    const connected = (): void => {
      stop()
      // From here on an error shows as the close of the connection; without a listener it would end the process.
      socket.on('error', ignore)
      waiter.connected(socket, false)
    }
    const fail = (error: ProxyError): void => {
      stop()
      socket.on('error', ignore)
      socket.destroy()
      waiter.unconnected(error)
    }
    const failed = (error: NodeJS.ErrnoException): void => fail(connectError(error, socket))
    const closed = (): void => fail(new ProxyError('ERR_CONNECT_FAILED', 'the connection closed as it was made'))
    socket.on(this.#address.secure ? 'secureConnect' : 'connect', connected)
    socket.on('error', failed)
    socket.on('close', closed)
    return () => {
      stop()
      socket.on('error', ignore)
      socket.destroy()
    }
  }

  #target(): NetConnectOpts {
    const { socketPath, host, port } = this.#address
    if (socketPath !== undefined) return { path: socketPath }
    // Both address families are tried (RFC 8305): `localhost` may be ::1 where the server listens on 127.0.0.1.
    const target = { host, port, noDelay: true, autoSelectFamily: true }
    return this.#localAddress === undefined ? target : { ...target, localAddress: this.#localAddress }
  }

  #dialTls(): TLSSocket {
    const { upstreamCA, upstreamCertificate, upstreamKey, upstreamServerName, upstreamVerify } = this.#options
    const options: TlsOptions = {
      ...(this.#target() as TlsOptions),
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: upstreamVerify,
    }
    if (upstreamCA !== undefined) options.ca = upstreamCA
    if (upstreamCertificate !== undefined) options.cert = upstreamCertificate
    if (upstreamKey !== undefined) options.key = upstreamKey
    if (upstreamServerName !== undefined) options.servername = upstreamServerName
    if (this.#tlsSession !== undefined) options.session = this.#tlsSession
    const socket = connectTls(options)
    socket.on('session', (session: Buffer) => {
      this.#tlsSession = session
    })
    return socket
  }
}

function isUsable(socket: Socket): boolean {
  return !socket.destroyed && socket.writable && !socket.readableEnded
}

function ignore(): void {}

function connectError(error: NodeJS.ErrnoException, socket: Socket): ProxyError {
  const code = error.code ?? ''
  const message = error.message === '' ? code : error.message
  return new ProxyError(connectErrorCode(code, 'encrypted' in socket), message, { cause: error })
}

function connectErrorCode(code: string, secure: boolean): ErrorCode {
  if (code === 'ECONNREFUSED') return 'ERR_CONNECT_REFUSED'
  if (code === 'ETIMEDOUT') return 'ERR_CONNECT_TIMEOUT'
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'ERR_CONNECT_DNS'
  if (!secure) return 'ERR_CONNECT_FAILED'
  if (/CERT|SIGNATURE|ISSUER|CRL/.test(code)) return 'ERR_CONNECT_CERTIFICATE'
  return code.startsWith('ERR_SSL') || code === 'EPROTO' ? 'ERR_CONNECT_TLS' : 'ERR_CONNECT_FAILED'
}
