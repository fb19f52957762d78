import type { Socket } from 'node:net'
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
  proxyHeader: ProxyHeader | undefined
  readonly #numbers: ConnectionNumbers

  constructor(socket: Socket, numbers: ConnectionNumbers) {
    this.socket = socket
    this.#numbers = numbers
  }

  get remoteAddress(): string {
    return this.proxyHeader?.ends?.source.address ?? this.socket.remoteAddress ?? ''
  }

  get remotePort(): number {
    return this.proxyHeader?.ends?.source.port ?? this.socket.remotePort ?? 0
  }

  get localAddress(): string {
    return this.proxyHeader?.ends?.destination.address ?? this.socket.localAddress ?? ''
  }

  get localPort(): number {
    return this.proxyHeader?.ends?.destination.port ?? this.socket.localPort ?? 0
  }

  get number(): number {
    return this.#numbers.ofConnection(this.socket)
  }
}
