/**
 * HTTP/2 to servers that are dialled: `h2://` (TLS) and `h2c://` (without, by prior knowledge).
 */

import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../clock.js'
import { ProxyError } from '../../errors.js'
import type { ServerAddress } from '../../pool/address.js'
import { Dialer } from '../dial.js'
import { NextPoll } from '../next-poll.js'
import type {
  Carriage,
  CarriageEvents,
  ConnectionOptions,
  Transport,
  TransportRequest,
  Upstream,
} from '../transport.js'
import { Http2Carriage } from './carriage.js'
import { Flusher } from './flusher.js'
import type { Placing } from './placing.js'
import { Session, type SessionOwner } from './session.js'
import { UnusedSessions } from './unused.js'

/** A connection that is being made: TCP, TLS, and the server's SETTINGS. */
interface Dial {
  giveUp(): void
}

class Http2Upstream implements Upstream, Placing, SessionOwner {
  readonly address: ServerAddress
  readonly #options: ConnectionOptions
  readonly #clock: Clock
  readonly #dialer: Dialer
  readonly #nextPoll: NextPoll
  readonly #flusher: Flusher
  readonly #unused: UnusedSessions
  /** Those that can be used, oldest first: the first one with room is filled, so that a burst's surplus falls idle. */
  readonly #sessions: Session[] = []
  readonly #dials = new Map<Session | Dial, Dial>()
  readonly #waiting = new Set<Http2Carriage>()
  /** Streams that the server takes on a connection, as it said last. */
  #limit = Number.POSITIVE_INFINITY
  #closed = false

  constructor(
    address: ServerAddress,
    options: ConnectionOptions,
    clock: Clock,
    shared: { nextPoll: NextPoll; flusher: Flusher },
  ) {
    this.address = address
    this.#options = options
    this.#clock = clock
    this.#nextPoll = shared.nextPoll
    this.#flusher = shared.flusher
    this.#dialer = new Dialer(address, options, clock)
    this.#unused = new UnusedSessions(clock, options)
  }

  send(request: TransportRequest, events: CarriageEvents): Carriage {
    const carriage = new Http2Carriage(this, request, events)
    this.place(carriage, undefined)
    return carriage
  }

  close(): void {
    this.#closed = true
    for (const session of [...this.#sessions]) session.drain()
  }

  // What a carriage asks.

  place(carriage: Http2Carriage, except: Session | undefined): void {
    const session = carriage.request.fresh ? undefined : this.#pick(except)
    if (session === undefined) this.#wait(carriage)
    else if (carriage.request.idempotent || !session.unused) carriage.start(session, true)
    else this.#settle(carriage, session)
  }

  flushSoon(carriage: Http2Carriage): void {
    this.#flusher.soon(carriage)
  }

  #pick(except: Session | undefined): Session | undefined {
    for (const session of this.#sessions) if (session !== except && session.usable && !session.full) return session
    return undefined
  }

  /**
   * A request that must not be sent twice goes over an unused connection only after the event loop has polled, so that
   * a close that has already arrived is seen.
   */
  #settle(carriage: Http2Carriage, session: Session): void {
    this.#nextPoll.wait(() => {
      if (carriage.over) return
      if (session.usable && !session.full) carriage.start(session, true)
      else this.#wait(carriage)
    })
  }

  #wait(carriage: Http2Carriage): void {
    this.#waiting.add(carriage)
    carriage.giveUp = () => {
      this.#waiting.delete(carriage)
      if (this.#waiting.size === 0) for (const dial of [...this.#dials.values()]) dial.giveUp()
    }
    this.#dialEnough()
  }

  #dialEnough(): void {
    const enough = Math.max(1, Math.ceil(this.#waiting.size / this.#limit))
    while (this.#dials.size < enough) this.#dial()
  }

  #dial(): void {
    const begun = this.#clock.now()
    const giveUp = this.#dialer.dial({
      connected: (socket) => {
        this.#dials.delete(dial)
        this.#greet(socket, this.#options.connectTimeout - (this.#clock.now() - begun))
      },
      unconnected: (error) => {
        this.#dials.delete(dial)
        this.#failWaiting(error)
      },
    })
    const dial: Dial = {
      giveUp: () => {
        this.#dials.delete(dial)
        giveUp()
      },
    }
    this.#dials.set(dial, dial)
  }

  /** The connection stands; now the server has `time` milliseconds to say that it speaks HTTP/2. */
  #greet(socket: Socket, time: number): void {
    const session = new Session(socket, this.address, false, this.#clock, this)
    const timer: Timer = this.#clock.setTimeout(() => {
      const { connectTimeout } = this.#options
      session.error = new ProxyError('ERR_CONNECT_TIMEOUT', `no SETTINGS of HTTP/2 within ${connectTimeout} ms`)
      session.destroy()
    }, time)
    this.#dials.set(session, {
      giveUp: () => {
        this.#dials.delete(session)
        timer.cancel()
        session.destroy()
      },
    })
    this.#timers.set(session, timer)
  }

  /** Of sessions that are not settled. */
  readonly #timers = new WeakMap<Session, Timer>()

  #failWaiting(error: ProxyError): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const carriage of waiting) carriage.fail(error)
  }

  /** Those who wait get what room there is. */
  #serve(session: Session, reused: boolean): void {
    for (const carriage of this.#waiting) {
      if (!session.usable || session.full) break
      if (reused && carriage.request.fresh) continue
      this.#waiting.delete(carriage)
      carriage.start(session, reused)
    }
  }

  // What a session says.

  settled(session: Session): void {
    this.#timers.get(session)?.cancel()
    this.#dials.delete(session)
    this.#limit = Math.max(1, session.limit)
    this.#sessions.push(session)
    this.#serve(session, false)
    // Every other connection would be as full as this one.
    if (session.limit === 0) this.#failWaiting(new ProxyError('ERR_STREAM_REFUSED', 'the server takes no streams'))
    else if (this.#waiting.size > 0) this.#dialEnough()
    if (this.#closed) session.drain()
    else if (session.unused) this.#unused.add(session)
  }

  freed(session: Session): void {
    if (this.#waiting.size > 0) this.#serve(session, true)
    if (session.unused && session.usable) this.#unused.add(session)
  }

  limited(session: Session): void {
    this.freed(session)
  }

  draining(session: Session): void {
    const at = this.#sessions.indexOf(session)
    if (at >= 0) this.#sessions.splice(at, 1)
  }

  closed(session: Session): void {
    this.draining(session)
    this.#unused.remove(session)
    this.#timers.get(session)?.cancel()
    // Nobody waited any more, or it had been settled.
    if (!this.#dials.delete(session)) return
    const { error } = session
    this.#failWaiting(error instanceof ProxyError ? error : notSpoken(error))
  }
}

/** A server that does not take our certificate says so behind the handshake (RFC 8446 §4.4.2.4). */
function notSpoken(error: NodeJS.ErrnoException | undefined): ProxyError {
  const code = error?.code?.startsWith('ERR_SSL') === true ? 'ERR_CONNECT_TLS' : 'ERR_CONNECT_FAILED'
  const why = error === undefined ? 'it closed the connection' : error.message
  return new ProxyError(code, `the server did not begin to speak HTTP/2: ${why}`, { cause: error })
}

/** Makes the transport. */
export function createHttp2Transport(clock: Clock): Transport {
  const shared = { nextPoll: new NextPoll(), flusher: new Flusher() }
  return { name: 'http2', upstream: (address, options) => new Http2Upstream(address, options, clock, shared) }
}
