/**
 * The fast transport: HTTP/1.1 on sockets of its own. The head of a request is one string and one write, the head of a
 * response is read straight from the chunk it came in, and bodies are passed on by reference.
 */

import type { Socket } from 'node:net'
import type { Clock } from '../../clock.js'
import type { ProxyError } from '../../errors.js'
import type { ServerAddress } from '../../pool/address.js'
import { Dialer, type Dials } from '../dial.js'
import { type KeepOptions, Kept } from '../kept.js'
import { NextPoll } from '../next-poll.js'
import type {
  Carriage,
  CarriageEvents,
  ConnectionOptions,
  Transport,
  TransportRequest,
  Upstream,
} from '../transport.js'
import { Http1Carriage } from './carriage.js'
import { Http1Connection } from './connection.js'

class Http1Upstream implements Upstream {
  readonly #dialer: Dials
  /** Connections are streams, and have no buffer for their bytes to be read into. */
  readonly #byEvents: boolean
  readonly #kept: Kept<Http1Connection>
  readonly #nextPoll: NextPoll

  constructor(dialer: Dials, byEvents: boolean, options: KeepOptions, clock: Clock, nextPoll: NextPoll) {
    this.#nextPoll = nextPoll
    this.#dialer = dialer
    this.#byEvents = byEvents
    this.#kept = new Kept(clock, options)
  }

  send(request: TransportRequest, events: CarriageEvents): Carriage {
    const carriage = new Http1Carriage(request, events)
    const kept = request.fresh || request.upgrade !== undefined ? undefined : this.#kept.pop()
    if (kept === undefined) this.#dial(carriage)
    else if (request.idempotent) carriage.start(kept, true)
    else this.#settle(carriage, kept)
    return carriage
  }

  close(): void {
    this.#kept.close()
  }

  /**
   * A request that must not be sent twice gets a kept connection only after the event loop has polled, so that a close
   * that has already arrived is seen.
   */
  #settle(carriage: Http1Carriage, connection: Http1Connection): void {
    let current: Http1Connection | undefined = connection
    carriage.giveUp = () => current?.discard()
    this.#nextPoll.wait(() => {
      if (carriage.over) return
      while (current !== undefined && !current.usable) {
        current.discard()
        current = this.#kept.pop()
      }
      if (current === undefined) this.#dial(carriage)
      else carriage.start(current, true)
    })
  }

  #dial(carriage: Http1Carriage): void {
    const connection = new Http1Connection(this.#kept)
    // A connection that changes its protocol is handed on as a stream.
    const byEvents = this.#byEvents || carriage.request.upgrade !== undefined
    const waiter = {
      connected: (socket: Socket) => {
        connection.attach(socket, byEvents)
        carriage.start(connection, false)
      },
      unconnected: (error: ProxyError) => carriage.fail(error),
    }
    carriage.giveUp = this.#dialer.dial(waiter, byEvents ? undefined : connection.reader())
  }
}

/** Makes the transport. */
export function createHttp1Transport(clock: Clock): Transport {
  const nextPoll = new NextPoll()
  return {
    name: 'http1',
    upstream: (address: ServerAddress, options: ConnectionOptions) =>
      new Http1Upstream(new Dialer(address, options, clock), false, options, clock, nextPoll),
  }
}

/** HTTP/1.1 over connections of another kind: streams that can do what is asked of a socket. */
export function http1Over(dialer: Dials, options: KeepOptions, clock: Clock): Upstream {
  return new Http1Upstream(dialer, true, options, clock, new NextPoll())
}
