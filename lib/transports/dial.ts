/** Making connections to one server: TCP, TLS, Unix sockets. */

import {
  connect as connectTcp,
  isIP,
  type LookupFunction,
  type NetConnectOpts,
  type OnReadOpts,
  type Socket,
} from 'node:net'
import { connect as connectTls, type TLSSocket, type ConnectionOptions as TlsOptions } from 'node:tls'
import type { Clock } from '../clock.js'
import { type ErrorCode, ProxyError } from '../errors.js'
import type { ServerAddress } from '../pool/address.js'
import type { ConnectionOptions } from './transport.js'

/** Whoever waits for a new connection. Exactly one of the two is called, once, and never during `dial`. */
export interface DialWaiter {
  /** The socket has a listener for errors, for good; an error shows as its close. */
  connected(socket: Socket): void
  unconnected(error: ProxyError): void
}

/** Makes connections to one server. */
export interface Dials {
  /** Begins a connection. `reader`: what takes its bytes in place of `data` events. Returns how to give up. */
  dial(waiter: DialWaiter, reader?: OnReadOpts): () => void
}

export class Dialer implements Dials {
  readonly #address: ServerAddress
  readonly #options: ConnectionOptions
  readonly #clock: Clock
  readonly #localAddress: string | undefined
  /** What is offered by ALPN (RFC 7301). */
  readonly #protocol: 'h2' | 'http/1.1'
  #tlsSession: Buffer | undefined

  constructor(address: ServerAddress, options: ConnectionOptions, clock: Clock, localAddress?: string) {
    this.#address = address
    this.#options = options
    this.#clock = clock
    this.#localAddress = localAddress
    this.#protocol = address.scheme === 'h2' ? 'h2' : 'http/1.1'
  }

  dial(waiter: DialWaiter, reader?: OnReadOpts): () => void {
    const { secure } = this.#address
    const target = reader === undefined ? this.#target() : { ...this.#target(), onread: reader }
    let socket: Socket
    try {
      socket = secure ? this.#dialTls(target) : connectTcp(target)
    } catch (error) {
      // Certificates that Node cannot use, and the like.
      const failure = new ProxyError(secure ? 'ERR_CONNECT_TLS' : 'ERR_CONNECT_FAILED', (error as Error).message)
      process.nextTick(() => waiter.unconnected(failure))
      return () => {}
    }
    const event = secure ? 'secureConnect' : 'connect'
    const timer = this.#clock.setTimeout(() => {
      fail(new ProxyError('ERR_CONNECT_TIMEOUT', `no connection within ${this.#options.connectTimeout} ms`))
    }, this.#options.connectTimeout)
    const stop = (): void => {
      timer.cancel()
      socket.off(event, connected)
      socket.off('error', failed)
      socket.off('close', closed)
      // Without a listener an error would end the process.
      socket.on('error', ignore)
    }
    const connected = (): void => {
      if (this.#protocol === 'h2' && (socket as TLSSocket).alpnProtocol !== 'h2') {
        fail(
          new ProxyError('ERR_CONNECT_TLS', 'the server agreed on no HTTP/2 (ALPN); is it https:// rather than h2://?'),
        )
        return
      }
      stop()
      waiter.connected(socket)
    }
    const fail = (error: ProxyError): void => {
      stop()
      socket.destroy()
      waiter.unconnected(error)
    }
    const failed = (error: NodeJS.ErrnoException): void => fail(connectError(error, secure))
    const closed = (): void => fail(new ProxyError('ERR_CONNECT_FAILED', 'the connection closed as it was made'))
    socket.on(event, connected)
    socket.on('error', failed)
    socket.on('close', closed)
    return () => {
      stop()
      socket.destroy()
    }
  }

  #target(): NetConnectOpts {
    const { socketPath, host, port } = this.#address
    if (socketPath !== undefined) return { path: socketPath }
    // Both address families are tried (RFC 8305).
    const target: NetConnectOpts = { host, port, noDelay: true, autoSelectFamily: true }
    if (host === 'localhost') target.lookup = lookupLoopback
    if (this.#localAddress !== undefined) target.localAddress = this.#localAddress
    return target
  }

  #dialTls(target: NetConnectOpts): TLSSocket {
    const { upstreamCA, upstreamCertificate, upstreamKey, upstreamServerName, upstreamVerify } = this.#options
    const options: TlsOptions = {
      ...(target as TlsOptions),
      ALPNProtocols: [this.#protocol],
      rejectUnauthorized: upstreamVerify,
    }
    if (upstreamCA !== undefined) options.ca = upstreamCA
    if (upstreamCertificate !== undefined) options.cert = upstreamCertificate
    if (upstreamKey !== undefined) options.key = upstreamKey
    // Node sends no name by itself; an address is none (RFC 6066 §3).
    const { host } = this.#address
    if (upstreamServerName !== undefined) options.servername = upstreamServerName
    else if (isIP(host) === 0) options.servername = host
    if (this.#tlsSession !== undefined) options.session = this.#tlsSession
    const socket = connectTls(options)
    socket.on('session', (session: Buffer) => {
      this.#tlsSession = session
    })
    return socket
  }
}

/**
 * `localhost` is every loopback address (RFC 6761 §6.3), and a server may listen on one of them alone; many systems
 * name only one.
 */
export const lookupLoopback: LookupFunction = (_host, options, found) => {
  const addresses = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
  process.nextTick(() => (options.all === true ? found(null, addresses) : found(null, '127.0.0.1', 4)))
}

function ignore(): void {}

/** Why there is no connection, as an error of the table. `secure`: it was to be one over TLS. */
export function connectError(error: NodeJS.ErrnoException, secure: boolean): ProxyError {
  const code = error.code ?? ''
  // OpenSSL's own message has a line break and places of its source in it.
  const { reason } = error as { reason?: unknown }
  const told = typeof reason === 'string' ? `${reason}; does the server speak TLS on this port?` : error.message.trim()
  const message = told === '' ? code : told
  return new ProxyError(connectErrorCode(code, secure), message, { cause: error })
}

function connectErrorCode(code: string, secure: boolean): ErrorCode {
  if (code === 'ECONNREFUSED') return 'ERR_CONNECT_REFUSED'
  if (code === 'ETIMEDOUT') return 'ERR_CONNECT_TIMEOUT'
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'ERR_CONNECT_DNS'
  if (!secure) return 'ERR_CONNECT_FAILED'
  if (/CERT|SIGNATURE|ISSUER|CRL/.test(code)) return 'ERR_CONNECT_CERTIFICATE'
  return code.startsWith('ERR_SSL') || code === 'EPROTO' ? 'ERR_CONNECT_TLS' : 'ERR_CONNECT_FAILED'
}
