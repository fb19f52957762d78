/**
 * Two connections become one: what one side sends, the other gets, with its end.
 *
 * Each direction by itself:
 *
 *     open ──(end)──▶ ended: the other side gets an end behind the last byte, and may go on sending
 *       └──(break)──▶ broken: the other side gets what was read, and then a break too, never an end that looks complete
 *
 * A side that breaks after its end has said all that it had to say, which the other side gets to its last byte.
 *
 * It is over when both sockets are closed.
 */

import type { Socket } from 'node:net'
import { Deadline, type Deadlines } from '../forward/deadline.js'
import { release } from './release.js'

/** Milliseconds for the bytes that were read before a side broke, and for the client of a server that did so after its end. */
const lastBytesTime = 5_000

/** Told what happens. */
export interface SpliceEvents {
  /** The first byte of the server. */
  answered(): void
  /** The server has ended its direction, and there was no byte of it. False: the connection is over, by the listener. */
  silentEnd(): boolean
  /** A side broke. */
  broke(side: 'client' | 'server', error: Error | undefined): void
  /** Nothing has moved for the idle time. */
  idle(): void
  /** Both sockets are closed. */
  over(): void
}

export class Splice {
  readonly #client: Socket
  readonly #server: Socket
  readonly #events: SpliceEvents
  readonly #deadlines: Deadlines
  readonly #idleTimeout: number
  /** Made when one is needed. */
  #deadline: Deadline | undefined
  #answered = false
  #broken = false
  #open = 2

  constructor(client: Socket, server: Socket, deadlines: Deadlines, idleTimeout: number, events: SpliceEvents) {
    this.#client = client
    this.#server = server
    this.#events = events
    this.#idleTimeout = idleTimeout
    this.#deadlines = deadlines
  }

  /** Bytes of the server have arrived. */
  get answered(): boolean {
    return this.#answered
  }

  /** `clientEnded`: the end of the client was seen before. */
  run(clientEnded: boolean): void {
    const client = this.#client
    const server = this.#server
    server.on('data', (chunk: Buffer) => {
      if (!this.#answered) {
        this.#answered = true
        this.#events.answered()
      }
      this.#pass(chunk, server, client)
    })
    const clientEnds = (): void => whenEnded(client, () => server.end())
    server.on('end', () => {
      whenEnded(server, () => {
        if (this.#answered || this.#events.silentEnd()) client.end()
      })
    })
    if (!clientEnded) {
      client.on('data', (chunk: Buffer) => this.#pass(chunk, client, server))
      client.on('end', clientEnds)
    }
    client.on('drain', () => server.resume())
    server.on('drain', () => client.resume())
    this.#follow('client', client, server)
    this.#follow('server', server, client)
    if (clientEnded) clientEnds()
    this.#moved()
    client.resume()
  }

  /** Closes both sides at once. */
  destroy(): void {
    this.#deadline?.clear()
    this.#client.destroy()
    this.#server.destroy()
  }

  #pass(chunk: Buffer, from: Socket, to: Socket): void {
    // Towards a side that has broken there is nowhere to go.
    if (!to.writable) return
    to.write(chunk)
    this.#moved()
    // What the system has taken at once is gone already; the return value does not say so.
    if (to.writableLength === 0) release(chunk, from)
    else if (to.writableNeedDrain) from.pause()
  }

  #follow(side: 'client' | 'server', socket: Socket, other: Socket): void {
    let error: Error | undefined
    socket.on('error', (each) => {
      error = each
    })
    socket.on('close', () => {
      this.#open--
      if (this.#open === 0) {
        this.#deadline?.clear()
        this.#events.over()
      }
      // An orderly close comes after both directions have ended.
      if (error !== undefined || !socket.readableEnded || !socket.writableFinished) this.#broke(side, error, other)
    })
  }

  #broke(side: 'client' | 'server', error: Error | undefined, other: Socket): void {
    if (this.#broken || other.destroyed) return
    this.#broken = true
    this.#events.broke(side, error)
    if (other.destroyed) return
    other.resume()
    this.#setDeadline(lastBytesTime)
    if (other.writableEnded) this.#finish(other)
    else if (other.writableLength === 0) reset(other)
    else other.write('', () => reset(other))
  }

  /**
   * The side that broke had ended before. To break the other side would take back bytes that are still on their way to it,
   * and so would, of a client that goes on sending, a close.
   */
  #finish(other: Socket): void {
    const finished = (): void => {
      if (other === this.#server) other.destroy()
      else this.#setDeadline(lastBytesTime)
    }
    if (other.writableFinished) finished()
    else other.once('finish', finished)
  }

  #moved(): void {
    if (this.#idleTimeout > 0 && !this.#broken) this.#setDeadline(this.#idleTimeout)
  }

  #setDeadline(time: number): void {
    this.#deadline ??= new Deadline(this.#deadlines, () => {
      if (this.#broken) this.destroy()
      else this.#events.idle()
    })
    this.#deadline.set(time)
  }
}

/**
 * Calls `passOn` when a socket that tells its end has ended. Node takes a break that arrives together with the last bytes
 * for an end (libuv does, for `POLLHUP`). The system knows better: to write fails then, even if it is nothing.
 */
function whenEnded(socket: Socket, passOn: () => void): void {
  // Behind bytes that wait there is no telling; and of Unix sockets, which have no address, each full close fails it.
  if (!socket.writable || socket.writableLength > 0 || socket.localAddress === undefined || 'encrypted' in socket) {
    passOn()
    return
  }
  socket.write('', (error) => {
    // Any other comes of a break behind the end.
    if ((error as NodeJS.ErrnoException | null | undefined)?.code !== 'ECONNRESET') passOn()
  })
}

/** Closes a socket so that the other end takes it for broken (RST), where it has such a thing. */
function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy()
  } catch {
    // TLS and Unix sockets have none.
    socket.destroy()
  }
}
