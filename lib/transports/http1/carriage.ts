import type { Duplex } from 'node:stream'
import { ProxyError } from '../../errors.js'
import type { CheckedHead } from '../response-head.js'
import type { Carriage, CarriageEvents, RawHeaders, TransportRequest } from '../transport.js'
import type { Http1Connection } from './connection.js'

/** One request, before it has a connection and while it has one. */
export class Http1Carriage implements Carriage {
  readonly request: TransportRequest
  readonly events: CarriageEvents
  /** The client waits for the server's word before it sends the body. */
  readonly expectsContinue: boolean
  /** The head of an answer that changes the protocol. */
  upgrading: CheckedHead | undefined
  /** How to give up before there is a connection. */
  giveUp: (() => void) | undefined
  #connection: Http1Connection | undefined
  readonly #chunked: boolean
  #requestComplete: boolean
  #answered = false
  #over = false
  #waits = false

  constructor(request: TransportRequest, events: CarriageEvents) {
    this.request = request
    this.events = events
    this.#requestComplete = !request.hasBody
    this.#chunked = request.hasBody && has(request.headers, 'transfer-encoding')
    this.expectsContinue = request.hasBody && has(request.headers, 'expect')
  }

  /** Nothing more happens to it. */
  get over(): boolean {
    return this.#over
  }

  /** The request goes out over this connection. */
  start(connection: Http1Connection, reused: boolean): void {
    this.giveUp = undefined
    if (this.#over) {
      connection.discard()
      return
    }
    this.#connection = connection
    connection.begin(this)
    this.events.connected(this, reused)
    connection.begun()
  }

  // What the exchange asks.

  write(chunk: Uint8Array): boolean {
    if (this.#connection === undefined || this.#requestComplete || chunk.length === 0) return true
    if (this.#connection.write(chunk, this.#chunked)) return true
    this.#waits = true
    return false
  }

  end(trailers: RawHeaders): void {
    if (this.#requestComplete) return
    this.#requestComplete = true
    if (this.#chunked) this.#connection?.writeEnd(trailers)
    if (this.#over) this.#release()
  }

  resume(): void {
    if (!this.#over) this.#connection?.resume()
  }

  abort(): void {
    this.#over = true
    this.giveUp?.()
    this.giveUp = undefined
    const connection = this.#connection
    this.#connection = undefined
    connection?.discard()
  }

  // What the connection says.

  answered(head: CheckedHead): void {
    if (this.#over) return
    if (head.status === 101) {
      if (this.request.upgrade === undefined) {
        throw new ProxyError('ERR_UPGRADE_INVALID', 'the server changed the protocol without being asked')
      }
      this.upgrading = head
      return
    }
    this.#answered = true
    this.events.response(head)
  }

  data(chunk: Buffer): boolean {
    return this.#over || this.events.data(chunk)
  }

  /** All of a chunk was read, and the answer is not complete. */
  flush(): void {
    if (this.#answered && !this.#over) this.events.flush()
  }

  complete(trailers: RawHeaders): void {
    if (this.#over) return
    this.#over = true
    if (this.#requestComplete) this.#release()
    this.events.end(trailers)
  }

  upgraded(head: CheckedHead, socket: Duplex, rest: Buffer): void {
    this.#connection = undefined
    if (this.#over) {
      socket.destroy()
      return
    }
    this.#over = true
    socket.pause()
    this.events.upgraded(head, socket, rest)
  }

  drained(): void {
    if (!this.#waits) return
    this.#waits = false
    if (!this.#over) this.events.drained()
  }

  fail(error: ProxyError): void {
    this.#connection = undefined
    if (this.#over) return
    this.#over = true
    this.events.failed(error)
  }

  /** The connection is gone. `begun`: something of an answer had come. */
  lost(begun: boolean): void {
    const message = 'the connection closed before the answer was complete'
    if (this.#answered) this.fail(new ProxyError('ERR_RESPONSE_INCOMPLETE', message))
    else if (begun)
      this.fail(new ProxyError('ERR_RESPONSE_INVALID', 'the connection closed within the head of the answer'))
    else this.fail(new ProxyError('ERR_CONNECTION_LOST', 'the connection closed before an answer'))
  }

  #release(): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.free()
  }
}

function has(headers: RawHeaders, lowerName: string): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) return true
  }
  return false
}
