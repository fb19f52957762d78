import type { Socket } from 'node:net'
import { plainAddress } from '../forward/client.js'
import type { ConnectionNumbers } from '../forward/connection-numbers.js'
import type { ProxyHeader } from '../proxy-protocol/header.js'

/** A client's connection, as routes and listeners see it. */
export interface TcpConnection {
  /** Address of the client, as the header of the PROXY protocol names it if there is one; empty over a Unix socket. */
  readonly remoteAddress: string
  readonly remotePort: number
  /** Address that the client connected to; of the same origin. */
  readonly localAddress: string
  readonly localPort: number
  /** The header of the PROXY protocol that it began with. */
  readonly proxyHeader: ProxyHeader | undefined
  /** The lowest number that no other open connection of the router holds. */
  readonly number: number
  /** What it came in by. Its data and its end are the router's. */
  readonly socket: Socket
}

export class Client implements TcpConnection {
  readonly socket: Socket
  // Asked for at once: of a socket that is closed nobody knows any more.
  remoteAddress: string
  remotePort: number
  localAddress: string
  localPort: number
  readonly #numbers: ConnectionNumbers
  #proxyHeader: ProxyHeader | undefined

  constructor(socket: Socket, numbers: ConnectionNumbers) {
    this.socket = socket
    this.#numbers = numbers
    this.remoteAddress = plainAddress(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    this.localAddress = plainAddress(socket.localAddress ?? '')
    this.localPort = socket.localPort ?? 0
  }

  get number(): number {
    return this.#numbers.ofConnection(this.socket)
  }

  get proxyHeader(): ProxyHeader | undefined {
    return this.#proxyHeader
  }

  /** The connection has begun with a header, which may know better where it comes from. */
  beginsWith(header: ProxyHeader): void {
    this.#proxyHeader = header
    if (header.ends === undefined) return
    const { source, destination } = header.ends
    this.remoteAddress = source.address
    this.remotePort = source.port
    this.localAddress = destination.address
    this.localPort = destination.port
  }
}
