/**
 * One client's connection:
 *
 *     deciding ──(remote)──▶ connecting ──(a server)──▶ spliced ──(both have ended)──▶ over
 *         │                      │ none
 *         │                      ▼
 *         └──────(close)────▶ closing ──(its last bytes are out)──▶ over
 *
 * From every state an error, a timeout or a client that breaks off leads to `over`.
 */

import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import type { ConnectionNumbers } from '../forward/connection-numbers.js'
import { Deadline, type Deadlines } from '../forward/deadline.js'
import { Client } from './client.js'
import { Connecting, type ConnectingEvents } from './connecting.js'
import { type Decided, Deciding, type DecidingEvents } from './deciding.js'
import type { Bytes, Route } from './decision.js'
import type { Destination } from './destination.js'
import { TcpError } from './errors.js'
import type { TcpRouterEvents, TcpSummary } from './events.js'
import type { CheckedOptions } from './options.js'
import { replay } from './replay.js'
import { Splice, type SpliceEvents } from './splice.js'

/** What a connection needs of its router. */
export interface Surroundings {
  readonly route: Route
  readonly options: CheckedOptions
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly numbers: ConnectionNumbers
  tell<Name extends keyof TcpRouterEvents>(name: Name, ...args: TcpRouterEvents[Name]): void
  over(connection: Connection, summary: TcpSummary): void
}

type Forward = Extract<Decided, { kind: 'forward' }>

/** Milliseconds for the last bytes to a client that is closed, and for its own end. */
const closingTime = 5_000

/** A connection that has stood for so many milliseconds shows that its server is well, though it may be silent. */
const provingTime = 1_000

export class Connection implements DecidingEvents, ConnectingEvents, SpliceEvents {
  readonly client: Client
  readonly #socket: Socket
  readonly #router: Surroundings
  readonly #deadline: Deadline
  readonly #deciding: Deciding
  readonly #begun: number
  #state: 'deciding' | 'connecting' | 'spliced' | 'closing' | 'over' = 'deciding'
  /** The client has ended its direction. */
  #clientEnded = false
  #decision: Forward | undefined
  /** In force: those of the router, or of where it goes. */
  #options: CheckedOptions
  #destination: Destination | undefined
  #connecting: Connecting | undefined
  #splice: Splice | undefined
  #connectedAt = 0
  #error: Error | undefined
  readonly #onData = (chunk: Buffer): void => this.#deciding.take(chunk)
  readonly #onEnd = (): void => {
    this.#clientEnded = true
    this.#deciding.end()
  }

  constructor(socket: Socket, router: Surroundings) {
    this.#socket = socket
    this.#router = router
    this.#options = router.options
    this.#begun = router.clock.now()
    this.client = new Client(socket, router.numbers)
    this.#deadline = new Deadline(router.deadlines, () => this.#expired())
    this.#deciding = new Deciding(this.client, router.route, router.options, this)
  }

  start(): void {
    const socket = this.#socket
    // Its end is passed on as one, and not taken for the end of both directions.
    socket.allowHalfOpen = true
    socket.on('error', (error) => {
      if (this.#state !== 'spliced') this.broke('client', error)
    })
    socket.on('close', () => {
      if (this.#state !== 'spliced') this.over()
    })
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    // Whoever has accepted it may have held it back.
    if (socket.isPaused()) socket.resume()
    this.#deadline.set(this.#router.options.decisionTimeout)
    this.#deciding.start()
  }

  /** Closes it at once. */
  cut(): void {
    this.#end(new TcpError('ERR_TCP_CUT', 'the router was closed'))
  }

  // What comes of the first bytes.

  decided(decision: Decided): void {
    this.#deadline.clear()
    if (decision.kind === 'close') {
      this.#close(decision.bytes)
      return
    }
    const { destination } = decision
    this.#state = 'connecting'
    this.#decision = decision
    this.#destination = destination
    this.#options = destination.carriage ?? this.#options
    this.#connecting = new Connecting(destination, this.#options, this.#router.deadlines, this)
    this.#connecting.start()
  }

  failed(error: TcpError): void {
    this.#end(error)
    this.#router.tell('error', error, this.client)
  }

  left(): void {
    this.#end(undefined)
  }

  // What comes of the way to a server.

  unconnected(error: Error): void {
    this.#error = error
    this.#close(this.#decision?.refusal)
    if (!this.#clientEnded) this.#router.tell('connectError', this.#destination!.name, error, this.client)
  }

  connected(server: Socket): void {
    const options = this.#options
    const { deadlines, clock } = this.#router
    const { destination, data, reply, sendProxyProtocol } = this.#decision!
    const deciding = this.#deciding
    this.#state = 'spliced'
    this.#connectedAt = clock.now()
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onEnd)
    const version = sendProxyProtocol ?? options.sendProxyProtocol
    replay(server, this.client, version, data ?? deciding.shown, deciding.rest)
    deciding.stop()
    if (reply !== undefined) this.#socket.write(reply)
    if (options.inactivityTimeout > 0) this.#deadline.set(options.inactivityTimeout)
    else if (destination.doubtful) this.#deadline.set(provingTime)
    this.#splice = new Splice(this.#socket, server, deadlines, options.idleTimeout, this)
    this.#splice.run(this.#clientEnded)
  }

  // What happens on both connections together.

  answered(): void {
    this.#deadline.clear()
    this.#destination?.succeeded()
  }

  silentEnd(): boolean {
    // To answer a client that has ended by an end is a server's right.
    if (this.#socket.readableEnded || this.#socket.destroyed) return true
    const error = new TcpError('ERR_TCP_SILENT_CLOSE', 'the server closed the connection without a byte')
    this.#serverFailed('connectError', error)
    return false
  }

  broke(side: 'client' | 'server', cause: Error | undefined): void {
    const why = cause === undefined ? '' : `: ${cause.message}`
    // A server that closes with bytes of the client unread does not end: it breaks off.
    if (side === 'server' && this.#splice?.answered === false && !this.#socket.readableEnded) {
      const message = `the server broke off without a byte${why}`
      this.#serverFailed('connectError', new TcpError('ERR_TCP_SILENT_CLOSE', message, { cause }))
      return
    }
    this.#error ??= new TcpError('ERR_TCP_BROKEN', `the ${side} broke off${why}`, { cause })
  }

  idle(): void {
    this.#end(new TcpError('ERR_TCP_IDLE', `no byte for ${this.#options.idleTimeout} ms`))
  }

  over(): void {
    if (this.#state === 'over') return
    const { clock } = this.#router
    const now = clock.now()
    this.#state = 'over'
    this.#deadline.clear()
    this.#deciding.stop()
    this.#connecting?.cancel()
    const stood = this.#splice !== undefined && now - this.#connectedAt >= provingTime
    if (stood && this.#error === undefined) this.#destination?.succeeded()
    const remote = this.#destination?.name
    this.#destination?.release()
    const { bytesRead, bytesWritten } = this.#socket
    const duration = now - this.#begun
    this.#router.over(this, { remote, received: bytesRead, sent: bytesWritten, duration, error: this.#error })
  }

  #expired(): void {
    const { decisionTimeout, inactivityTimeout } = this.#options
    if (this.#state === 'closing') {
      this.#socket.destroy()
    } else if (this.#state !== 'spliced') {
      this.failed(new TcpError('ERR_TCP_DECISION_TIMEOUT', `no decision within ${decisionTimeout} ms`))
    } else if (inactivityTimeout === 0) {
      this.#destination?.succeeded()
    } else {
      const message = `no byte of the server within ${inactivityTimeout} ms`
      this.#serverFailed('inactivityError', new TcpError('ERR_TCP_INACTIVITY', message))
    }
  }

  /** The server is connected, and useless. A client that has left before cannot tell. */
  #serverFailed(event: 'connectError' | 'inactivityError', error: TcpError): void {
    const destination = this.#destination!
    const hasLeft = this.#socket.readableEnded
    if (!hasLeft) destination.failed(error)
    this.#end(error)
    if (!hasLeft) this.#router.tell(event, destination.name, error, this.client)
  }

  /** Closes the client in order, after these bytes. */
  #close(bytes: Bytes | undefined): void {
    if (bytes === undefined || bytes.length === 0) {
      this.#end(undefined)
      return
    }
    this.#state = 'closing'
    this.#deciding.stop()
    this.#deadline.set(closingTime)
    this.#socket.end(bytes)
    // What it still sends is read, or the connection would be reset, and its last bytes lost.
    this.#socket.resume()
  }

  #end(error: Error | undefined): void {
    this.#error ??= error
    this.#deadline.clear()
    this.#deciding.stop()
    this.#connecting?.cancel()
    if (this.#splice === undefined) this.#state = 'closing'
    if (this.#splice === undefined) this.#socket.destroy()
    else this.#splice.destroy()
  }
}
