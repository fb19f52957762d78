/**
 * HTTP/2 to workers: they open the connection, and then the roles turn. So there is nothing to dial here: what can be
 * reached is what has come, and whoever opened a connection decides how long it lasts.
 */

import type { Duplex } from 'node:stream'
import type { Clock } from '../../clock.js'
import { ProxyError } from '../../errors.js'
import type { ServerAddress } from '../../pool/address.js'
import type { Carriage, CarriageEvents, TransportRequest, Upstream } from '../transport.js'
import { Http2Carriage } from './carriage.js'
import { Flusher } from './flusher.js'
import type { Placing } from './placing.js'
import { Session, type SessionOwner } from './session.js'

/** One connection that a worker has opened. */
export interface JoinedSession {
  /** Takes new requests. False before the worker's SETTINGS have come, and once it is draining or closed. */
  readonly usable: boolean
  /** No new requests go over it, because one of both sides said so; those under way finish. */
  readonly draining: boolean
  /** It is over, and its connection closed or about to be. */
  readonly closed: boolean
  /** Why it broke, if it did. */
  readonly error: Error | undefined
  /** Requests under way. */
  readonly streams: number
  /** Calls `listener` once when it is over; at once where it is already. */
  onClose(listener: () => void): void
  /** Tells the worker that nothing new comes (GOAWAY), lets what is under way finish, and closes. */
  drain(): void
  /** Ends it with everything on it. */
  destroy(): void
}

class TakenSession implements JoinedSession {
  readonly session: Session
  #onClose: (() => void)[] = []

  constructor(session: Session) {
    this.session = session
  }

  get usable(): boolean {
    return this.session.usable
  }

  get draining(): boolean {
    return this.session.draining
  }

  get closed(): boolean {
    return this.session.lost
  }

  get error(): Error | undefined {
    return this.session.error
  }

  get streams(): number {
    return this.session.streams
  }

  onClose(listener: () => void): void {
    if (this.session.over) listener()
    else this.#onClose.push(listener)
  }

  drain(): void {
    this.session.drain()
  }

  destroy(): void {
    this.session.destroy()
  }

  tellClosed(): void {
    for (const listener of this.#onClose.splice(0)) listener()
  }
}

/** A worker, with the connections that it has opened. */
export class JoinedUpstream implements Upstream, Placing, SessionOwner {
  readonly address: ServerAddress
  readonly #clock: Clock
  readonly #flusher: Flusher
  readonly #onEmpty: (upstream: JoinedUpstream) => void
  readonly #taken = new Map<Session, TakenSession>()
  readonly #watchers = new Set<() => void>()
  #ready = false
  #limit = Number.POSITIVE_INFINITY

  /** `onEmpty`: its last connection is gone. */
  constructor(
    address: ServerAddress,
    clock: Clock,
    flusher: Flusher,
    onEmpty: (upstream: JoinedUpstream) => void = () => {},
  ) {
    this.address = address
    this.#clock = clock
    this.#flusher = flusher
    this.#onEmpty = onEmpty
  }

  /** It has at least one connection that takes requests. */
  get ready(): boolean {
    return this.#ready
  }

  /** Requests that its connections take at once (SETTINGS_MAX_CONCURRENT_STREAMS, RFC 9113 §5.1.2). */
  get limit(): number {
    return this.#limit
  }

  /** There is no connection, whatever its state. */
  get empty(): boolean {
    return this.#taken.size === 0
  }

  /** Calls `changed` whenever {@link ready} or {@link limit} has changed. Returns how to stop that. */
  watch(changed: () => void): () => void {
    const watcher = (): void => changed()
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Takes a connection over on which the roles have turned. `head`: what was read of it beyond the handshake. */
  add(socket: Duplex, head: Buffer): JoinedSession {
    if (head.length > 0) socket.unshift(head)
    const session = new Session(socket, this.address, true, this.#clock, this)
    const taken = new TakenSession(session)
    this.#taken.set(session, taken)
    return taken
  }

  send(request: TransportRequest, events: CarriageEvents): Carriage {
    const carriage = new Http2Carriage(this, request, events)
    this.place(carriage, undefined)
    return carriage
  }

  /** Drains all connections. */
  close(): void {
    for (const session of [...this.#taken.keys()]) session.drain()
  }

  // What a carriage asks.

  place(carriage: Http2Carriage, except: Session | undefined): void {
    const session = this.#pick(except)
    // No other connection can be made in its place, so none counts as used before.
    if (session !== undefined) carriage.start(session, false)
    else if (except === undefined) {
      carriage.failSoon(new ProxyError('ERR_CONNECT_REFUSED', `the worker ${this.address.host} is not connected`))
    } else carriage.failSoon(new ProxyError('ERR_STREAM_REFUSED', `the worker ${this.address.host} refused the stream`))
  }

  flushSoon(carriage: Http2Carriage): void {
    this.#flusher.soon(carriage)
  }

  /**
   * Of those that have room, if there are any, the one with the fewest requests; of equal ones the newest, for the others
   * may be left over from a lost network.
   */
  #pick(except: Session | undefined): Session | undefined {
    let best: Session | undefined
    for (const session of this.#taken.keys()) {
      if (session === except || !session.usable) continue
      const isBetter = best === undefined || (best.full === session.full ? session.streams <= best.streams : best.full)
      if (isBetter) best = session
    }
    return best
  }

  // What a session says.

  settled(): void {
    this.#check()
  }

  freed(): void {}

  limited(): void {
    this.#check()
  }

  draining(): void {
    this.#check()
  }

  closed(session: Session): void {
    const taken = this.#taken.get(session)
    this.#taken.delete(session)
    this.#check()
    if (this.#taken.size === 0) this.#onEmpty(this)
    taken?.tellClosed()
  }

  #check(): void {
    const usable = [...this.#taken.keys()].filter((session) => session.usable)
    const ready = usable.length > 0
    const limit = ready ? usable.reduce((sum, session) => sum + session.limit, 0) : Number.POSITIVE_INFINITY
    if (ready === this.#ready && limit === this.#limit) return
    this.#ready = ready
    this.#limit = limit
    for (const watcher of [...this.#watchers]) watcher()
  }
}

/** All workers that have joined, or that a pool asks for. */
export class Joined {
  readonly #clock: Clock
  readonly #flusher = new Flusher()
  readonly #upstreams = new Map<string, JoinedUpstream>()
  /** Uses of each by pools. */
  readonly #users = new Map<JoinedUpstream, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The upstream of a worker, the same for all who ask as long as a pool uses it or a connection of it stands. */
  upstream(address: ServerAddress): JoinedUpstream {
    let upstream = this.#upstreams.get(address.id)
    if (upstream === undefined) {
      upstream = new JoinedUpstream(address, this.#clock, this.#flusher, (empty) => this.#forget(empty))
      this.#upstreams.set(address.id, upstream)
    }
    return upstream
  }

  /** A pool uses it from now on. */
  take(address: ServerAddress): JoinedUpstream {
    const upstream = this.upstream(address)
    this.#users.set(upstream, (this.#users.get(upstream) ?? 0) + 1)
    return upstream
  }

  /** A pool uses it no more. Its connections are left alone: a reload gives back what it takes again. */
  giveBack(upstream: JoinedUpstream): void {
    const users = (this.#users.get(upstream) ?? 0) - 1
    if (users > 0) {
      this.#users.set(upstream, users)
      return
    }
    this.#users.delete(upstream)
    this.#forget(upstream)
  }

  /** Drains every connection of every worker. */
  close(): void {
    for (const upstream of this.#upstreams.values()) upstream.close()
  }

  #forget(upstream: JoinedUpstream): void {
    if (upstream.empty && !this.#users.has(upstream)) this.#upstreams.delete(upstream.address.id)
  }
}
