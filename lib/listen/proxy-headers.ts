/**
 * `ProxyProtocol On`: every connection begins with a header that tells where it really comes from. It is taken off before
 * Node's server gets the connection, and the socket shows the addresses of the header from then on, so that whoever asks
 * it for its peer learns of the client. Under TLS the header comes before the handshake.
 */

import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import type { ProxyHeader } from '../proxy-protocol/header.js'
import { receiveProxyHeader } from '../proxy-protocol/receive.js'
import { peerOf, rememberPeer } from './peer.js'
import type { AnyServer } from './server.js'

/** What of the options of a `[LISTEN]` concerns the headers. */
export interface ProxyHeaderOptions {
  readonly proxyProtocol: boolean
  /** Milliseconds; 0: no limit. */
  readonly headersTimeout: number
}

type Ends = NonNullable<ProxyHeader['ends']>
type Emitter = NodeJS.EventEmitter
type Listener = (socket: Socket) => void

/** Node's timers end at 2^31 - 1 ms. */
const longestTime = 0x7fffffff

export class ProxyHeaders {
  readonly #server: AnyServer
  readonly #clock: Clock
  /** What Node's server does with a connection. */
  readonly #serve: readonly Listener[]
  /** Connections whose header has not come. */
  readonly #waiting = new Set<Socket>()
  /** What the connections whose handshake is not over have told, by their peers. */
  readonly #told = new Map<string, Ends>()
  #on = false
  #timeout = longestTime
  readonly #take = (socket: Socket): void => this.#receive(socket)
  readonly #secured = (socket: Socket): void => {
    const peer = peerOf(socket)
    const ends = this.#told.get(peer)
    if (ends !== undefined) showSource(socket, ends, peer)
  }

  /** `server` was just made: nobody but Node listens for its connections. */
  constructor(server: AnyServer, options: ProxyHeaderOptions, clock: Clock) {
    this.#server = server
    this.#clock = clock
    this.#serve = (server as Emitter).listeners('connection') as Listener[]
    this.change(options)
  }

  /** Puts other options in force, for connections that come from now on. */
  change({ proxyProtocol, headersTimeout }: ProxyHeaderOptions): void {
    this.#timeout = headersTimeout > 0 ? headersTimeout : longestTime
    if (proxyProtocol === this.#on) return
    this.#on = proxyProtocol
    const server = this.#server as Emitter
    if (proxyProtocol) {
      for (const listener of this.#serve) server.off('connection', listener)
      server.on('connection', this.#take)
      // HTTP begins in a listener of this event, and may ask at once.
      server.prependListener('secureConnection', this.#secured)
    } else {
      server.off('connection', this.#take)
      for (const listener of this.#serve) server.on('connection', listener)
    }
  }

  /** Closes the connections whose header has not come. */
  closeWaiting(): void {
    for (const socket of this.#waiting) socket.destroy()
  }

  #receive(socket: Socket): void {
    // It was one too many.
    if (socket.destroyed) return
    this.#waiting.add(socket)
    receiveProxyHeader(socket, this.#clock, this.#timeout).then(
      ({ ends }) => {
        this.#waiting.delete(socket)
        if (socket.destroyed) return
        if (ends !== undefined) this.#show(socket, ends)
        for (const serve of this.#serve) serve.call(this.#server, socket)
      },
      // It is closed, and whose fault that is nobody can tell: the header would have said.
      () => this.#waiting.delete(socket),
    )
  }

  #show(socket: Socket, ends: Ends): void {
    const peer = peerOf(socket)
    showSource(socket, ends, peer)
    if (!('setSecureContext' in this.#server)) return
    this.#told.set(peer, ends)
    socket.once('close', () => this.#told.delete(peer))
  }
}

/** `peer`: what the socket is known by among those of its server, whatever it shows. */
function showSource(socket: Socket, { source: { address, port } }: Ends, peer: string): void {
  rememberPeer(socket, peer)
  Object.defineProperties(socket, {
    remoteAddress: { value: address, configurable: true },
    remotePort: { value: port, configurable: true },
    remoteFamily: { value: address.includes(':') ? 'IPv6' : 'IPv4', configurable: true },
  })
}
