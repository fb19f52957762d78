import type { Socket } from 'node:net'
import type { Clock } from '../clock.js'
import type { ProxyError } from '../errors.js'
import type { ServerAddress } from '../pool/address.js'
import { Dialer } from './dial.js'
import { Kept, type KeptConnection } from './kept.js'
import type { ConnectionOptions } from './transport.js'

/** Whoever waits for a connection. Exactly one of the two is called, once, and never during `acquire`. */
export interface ConnectionWaiter {
  connected(socket: Socket, reused: boolean): void
  unconnected(error: ProxyError): void
}

/** The connections to one server, as sockets that are handed out and taken back. */
export class Connections {
  readonly #dialer: Dialer
  readonly #kept: Kept<GuardedSocket>

  constructor(address: ServerAddress, options: ConnectionOptions, clock: Clock, localAddress?: string) {
    this.#dialer = new Dialer(address, options, clock, localAddress)
    this.#kept = new Kept(clock, options)
  }

  /**
   * Finds or makes a connection. `fresh`: not one that has been used before. `settled`: let the event loop turn
   * before a kept connection is handed out, so that a close that has already arrived is seen. Returns how to give up.
   */
  acquire(fresh: boolean, settled: boolean, waiter: ConnectionWaiter): () => void {
    const kept = fresh ? undefined : this.#kept.pop()
    if (kept === undefined) {
      return this.#dialer.dial({
        connected: (socket) => waiter.connected(socket, false),
        unconnected: (error) => waiter.unconnected(error),
      })
    }
    let given = false
    let giveUp = (): void => {
      given = true
      kept.discard()
    }
    const hand = (): void => {
      if (given) return
      given = true
      if (kept.usable) {
        waiter.connected(kept.release(), true)
      } else {
        kept.discard()
        giveUp = this.acquire(false, settled, waiter)
      }
    }
    // The turn under way has polled already; the one after it sees what has arrived by now.
    if (settled) setImmediate(() => setImmediate(hand))
    else process.nextTick(hand)
    return () => giveUp()
  }

  /** Takes back a connection on which a request and its answer are complete. `hint`: the server's timeout in ms. */
  release(socket: Socket, hint: number | undefined): void {
    this.#kept.push(new GuardedSocket(socket, this.#kept), hint)
  }

  /** Closes the unused connections, and those in use when they come back. */
  close(): void {
    this.#kept.close()
  }
}

/** A socket that waits, and is guarded meanwhile: whatever happens on it ends it. */
class GuardedSocket implements KeptConnection {
  expires = 0
  readonly #socket: Socket
  readonly #kept: Kept<GuardedSocket>
  readonly #discard = (): void => {
    this.#kept.remove(this)
    this.#socket.destroy()
  }

  constructor(socket: Socket, kept: Kept<GuardedSocket>) {
    this.#socket = socket
    this.#kept = kept
    socket.on('data', this.#discard)
    socket.on('end', this.#discard)
    socket.on('close', this.#discard)
    socket.resume()
    // An unused connection keeps no process alive.
    socket.unref()
  }

  get usable(): boolean {
    const { destroyed, writable, readableEnded, readableLength } = this.#socket
    return !destroyed && writable && !readableEnded && readableLength === 0
  }

  discard(): void {
    this.#discard()
  }

  /** It stays in flowing mode: whoever takes it listens in this same turn. */
  release(): Socket {
    this.#socket.off('data', this.#discard)
    this.#socket.off('end', this.#discard)
    this.#socket.off('close', this.#discard)
    this.#socket.ref()
    return this.#socket
  }
}
